#include "importer/databases.h"

#include <algorithm>
#include <array>
#include <set>

#include "api/enum_words.h"
#include "api/host.h"
#include "api/text.h"
#include "importer/settings.h"
#include "render/options.h"

namespace poolwright::importer {

namespace {

/// Keys of a line that are read below; of the others the notes tell why they stay behind.
constexpr std::array<std::string_view, 11> kReadKeys = {"host",
                                                        "port",
                                                        "dbname",
                                                        "user",
                                                        "password",
                                                        "pool_size",
                                                        "min_pool_size",
                                                        "reserve_pool",
                                                        "reserve_pool_size",
                                                        "max_db_connections",
                                                        "pool_mode"};

std::string why_not(std::string_view key) {
  if (key == "auth_user" || key == "auth_query" || key == "auth_dbname") {
    return "each database of a ConnectionPool has one login, of a Secret; give it there";
  }
  if (key == "connect_query") return "set what it does on the role: ALTER ROLE ... SET ...";
  if (key == "client_encoding" || key == "datestyle" || key == "timezone" || key == "application_name") {
    return "set it on the role or the database: ALTER ROLE ... SET ...";
  }
  if (render::find_option(render::Section::kDatabases, key) == nullptr) return "PgBouncer has no such parameter";
  return "is one setting for all databases of a ConnectionPool; move the database to a pool of its own";
}

/// A password that PgBouncer cannot use to log in to PostgreSQL as a forced user.
bool is_verifier(const std::string& password) {
  const bool is_md5 = password.size() == 35 && password.starts_with("md5") &&
                      password.find_first_not_of("0123456789abcdef", 3) == std::string::npos;
  return is_md5 || password.starts_with("SCRAM-SHA-256$");
}

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < 5; ++i) text += (i == 0 ? "" : ", ") + names[i];
  return names.size() > 5 ? text + " and " + std::to_string(names.size() - 5) + " more" : text;
}

class DatabaseReader {
 public:
  DatabaseReader(const Installation& installation, const std::vector<render::Credentials>& userlist,
                 const DatabaseOptions& options, std::vector<Note>& notes)
      : installation_(installation), options_(options), notes_(notes) {
    std::set<std::string> consoles;
    for (const char* option : {"admin_users", "stats_users", "auth_user"}) add_names(option, consoles);
    for (const render::Credentials& user : userlist) {
      passwords_[user.username] = user.password;
      if (!consoles.contains(user.username)) ordinary_.push_back(user.username);
    }
  }

  std::vector<Candidate> read() {
    std::vector<Candidate> result;
    for (const Entry& entry : installation_.databases) {
      entry_ = &entry;
      if (auto candidate = read_entry()) result.push_back(*std::move(candidate));
    }
    return result;
  }

 private:
  void add_names(const char* option, std::set<std::string>& names) const {
    std::string list = effective(installation_, option, options_.version);
    std::replace(list.begin(), list.end(), ',', ' ');
    std::size_t at = 0;
    while ((at = list.find_first_not_of(' ', at)) != std::string::npos) {
      const std::size_t end = std::min(list.find(' ', at), list.size());
      names.insert(list.substr(at, end - at));
      at = end;
    }
  }

  void note(bool dropped, std::string key, std::string why) {
    notes_.push_back({.dropped = dropped,
                      .place = entry_->place,
                      .subject = {.section = "databases", .name = entry_->name, .key = std::move(key)},
                      .why = std::move(why)});
  }
  const std::string* setting(const char* key) const {
    const auto found = entry_->settings.find(key);
    return found == entry_->settings.end() ? nullptr : &found->second;
  }

  std::optional<Candidate> read_entry() {
    if (entry_->name == "*") {
      note(true, "", "a ConnectionPool names its databases; add a line for each that clients ask for");
      return std::nullopt;
    }
    if (lower(entry_->name) == "pgbouncer") {
      note(true, "", "is the name of PgBouncer's console");
      return std::nullopt;
    }
    const std::string* name = setting("dbname");
    const std::string& on_server = name == nullptr ? entry_->name : *name;
    if (!api::has_form(on_server, api::Form::kDatabaseName)) {
      note(true, "dbname", std::string("the name on the server ") + api::words_of(api::Form::kDatabaseName));
      return std::nullopt;
    }
    Candidate candidate{.original_name = entry_->name, .place = entry_->place};
    if (!read_server(candidate)) return std::nullopt;
    candidate.database.name = entry_->name;
    if (on_server != candidate.database.name) candidate.database.database_name = on_server;
    read_login(candidate);
    read_sizes(candidate);
    for (const auto& [key, value] : entry_->settings) {
      if (std::find(kReadKeys.begin(), kReadKeys.end(), key) == kReadKeys.end()) note(true, key, why_not(key));
    }
    return candidate;
  }

  bool read_server(Candidate& candidate) {
    const std::string* given = setting("host");
    const std::string host = given == nullptr ? std::string() : *given;
    const bool is_socket = host.empty() || host.front() == '/' || host.front() == '@';
    if (host.find(',') != std::string::npos) {
      note(true, "host",
           "names several servers, which PgBouncer takes in turn; a ConnectionPool has one: split the "
           "line, or give the name of a load balancer");
      return false;
    }
    const api::HostKind kind = is_socket ? api::HostKind::kLoopback : api::kind_of_host(host);
    if (kind == api::HostKind::kMalformed || kind == api::HostKind::kForbidden || api::is_api_server_name(host)) {
      note(true, "host", std::string(api::words_of(api::Form::kHost)));
      return false;
    }
    candidate.host = host;
    if (kind == api::HostKind::kLoopback) {
      const char* how = is_socket ? "a Unix socket" : "loopback";
      if (options_.local_host.empty()) {
        note(true, "host",
             std::string("is reached by ") + how + ", which leads a pod to itself; say its DNS name with --local-host");
        return false;
      }
      note(false, "host", std::string("is reached by ") + how + "; a pod reaches it by " + options_.local_host);
      candidate.host = options_.local_host;
    }
    if (const std::string* port = setting("port")) {
      const auto number = whole_number(*port);
      if (!number || *number < 1 || *number > 65535) {
        note(true, "port", "must be a number from 1 to 65535");
        return false;
      }
      candidate.port = *number;
    }
    return true;
  }

  void read_login(Candidate& candidate) {
    candidate.username = user_of();
    const std::string* own = setting("password");
    const auto listed_one = passwords_.find(candidate.username);
    if (own != nullptr) candidate.password = SecretString(*own);
    if (own == nullptr && listed_one != passwords_.end()) candidate.password = listed_one->second;
    if (!is_verifier(candidate.password.reveal())) return;
    candidate.password = SecretString();
    note(true, "password",
         "only a verifier of the password of " + candidate.username +
             " is known; put the password itself into the Secret");
  }

  std::string user_of() {
    const auto chosen = options_.users.find(entry_->name);
    const std::string* forced = setting("user");
    if (forced != nullptr && chosen == options_.users.end()) return *forced;
    if (chosen != options_.users.end()) {
      note(false, "user", "is opened as " + chosen->second + ", as asked for");
      return chosen->second;
    }
    if (ordinary_.empty()) {
      note(false, "user", "the files do not tell who opens it; put the login into the Secret");
      return kPlaceholder;
    }
    if (ordinary_.size() == 1) {
      note(false, "user", "is opened as " + ordinary_.front() + ", the only user there is");
      return ordinary_.front();
    }
    const std::vector<std::string> others(ordinary_.begin() + 1, ordinary_.end());
    note(true, "user",
         "a database of a ConnectionPool has one login: " + ordinary_.front() + " is taken, not " + listed(others) +
             "; choose with --user " + entry_->name + "=NAME, and add a pool for each further user");
    return ordinary_.front();
  }

  /// A number of the line, else of the installation. What PgBouncer would read as something else is told.
  std::int32_t number(const char* key, const char* option, std::int32_t otherwise) {
    const std::int32_t shared = whole_number(effective(installation_, option, options_.version)).value_or(otherwise);
    const std::string* own = setting(key);
    if (own == nullptr) return shared;
    const auto value = whole_number(*own);
    if (!value) note(true, key, "must be a whole number; " + std::to_string(shared) + " is taken");
    return value && *value >= 0 ? *value : shared;
  }

  void read_sizes(Candidate& candidate) {
    Sizes sizes{.size = number("pool_size", "default_pool_size", 20),
                .min = number("min_pool_size", "min_pool_size", 0),
                .reserve = number(setting("reserve_pool_size") != nullptr ? "reserve_pool_size" : "reserve_pool",
                                  "reserve_pool_size", 0),
                .max_connections = number("max_db_connections", "max_db_connections", 0)};
    candidate.mode = mode_of(effective(installation_, "pool_mode", options_.version)).value_or(api::PoolMode::kSession);
    if (const std::string* mode = setting("pool_mode")) candidate.mode = known_mode(*mode, candidate.mode);
    if (const Entry* user = installation_.find_user(candidate.username)) apply_user(*user, candidate, sizes);
    bound(sizes, candidate.database);
  }

  api::PoolMode known_mode(const std::string& text, api::PoolMode otherwise) {
    const auto mode = mode_of(text);
    if (!mode) {
      const std::string taken = lower(api::word_of(otherwise));
      note(true, "pool_mode", "must be session, transaction or statement; " + taken + " is taken");
    }
    return mode.value_or(otherwise);
  }

  /// What [users] says wins over the line of the database.
  void apply_user(const Entry& user, Candidate& candidate, Sizes& sizes) {
    const auto text = [&](const char* key) {
      const auto found = user.settings.find(key);
      return found == user.settings.end() ? std::string() : found->second;
    };
    const auto number_of_user = [&](const char* key, std::int32_t otherwise) {
      if (!user.settings.contains(key)) return otherwise;
      const auto value = whole_number(text(key));
      if (!value) note(true, key, "[users] must give a whole number; " + std::to_string(otherwise) + " is taken");
      return value.value_or(otherwise);
    };
    sizes.size = number_of_user("pool_size", sizes.size);
    sizes.reserve = number_of_user("reserve_pool_size", sizes.reserve);
    if (user.settings.contains("pool_mode")) candidate.mode = known_mode(text("pool_mode"), candidate.mode);
    const std::int32_t limit = whole_number(text("max_user_connections")).value_or(0);
    if (limit > 0) sizes.max_connections = sizes.max_connections > 0 ? std::min(sizes.max_connections, limit) : limit;
    for (const char* key : {"pool_size", "reserve_pool_size", "pool_mode", "max_user_connections"}) {
      if (user.settings.contains(key)) used.insert({user.name, key});
    }
  }

  void bound(const Sizes& sizes, api::Database& database) {
    std::int32_t size = sizes.size;
    if (size < 1) {
      size = 25;
      note(false, "pool_size", "0 means unlimited to PgBouncer; 25 is taken, choose what the server can give");
    }
    if (size > 10'000) note(false, "pool_size", "must be at most 10000");
    size = std::min(size, 10'000);
    // A cap below the size would be the true size.
    if (sizes.max_connections > 0 && sizes.max_connections < size) {
      note(false, "pool_size", "is bounded by the limit of " + std::to_string(sizes.max_connections) + " connections");
      size = sizes.max_connections;
    }
    database.pool_size = {.min = std::clamp(sizes.min, 0, size), .max = size, .initial = std::nullopt};
    if (sizes.min > size) note(false, "min_pool_size", "must not be above the size");
    const std::int32_t reserve_max = std::min(size, 1000);
    database.reserve_pool_size = std::clamp(sizes.reserve, 0, reserve_max);
    if (sizes.reserve > reserve_max) note(false, "reserve_pool_size", "must not be above the size");
    // One user is one pool, so without a cap there are never more than these.
    const std::int32_t most = std::min(size + database.reserve_pool_size, 10'000);
    database.max_connections = sizes.max_connections > 0 ? std::min(sizes.max_connections, 10'000) : most;
  }

  const Installation& installation_;
  const DatabaseOptions& options_;
  std::vector<Note>& notes_;
  std::map<std::string, SecretString> passwords_;
  std::vector<std::string> ordinary_;  // users that are no administrators, in the order of the file
  const Entry* entry_ = nullptr;

 public:
  /// Settings of [users] that went into a database.
  std::set<std::pair<std::string, std::string>> used;
};

}  // namespace

std::vector<Candidate> candidates(const Installation& installation, const std::vector<render::Credentials>& userlist,
                                  const DatabaseOptions& options, std::vector<Note>& notes) {
  DatabaseReader reader(installation, userlist, options, notes);
  std::vector<Candidate> result = reader.read();
  for (const Entry& user : installation.users) {
    for (const auto& [key, value] : user.settings) {
      if (reader.used.contains({user.name, key})) continue;
      notes.push_back({.dropped = true,
                       .place = user.place,
                       .subject = {.section = "users", .name = user.name, .key = key},
                       .why = "limits are those of a database and its login, not of a user"});
    }
  }
  return result;
}

}  // namespace poolwright::importer

#include "importer/import.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "api/host.h"
#include "api/text.h"
#include "api/validate.h"
#include "importer/settings.h"

namespace poolwright::importer {

namespace {

constexpr std::size_t kDatabasesMax = 64;
constexpr std::size_t kNameLengthMax = 50;  // leaves room for what is appended

bool is_label_character(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

/// A name that Kubernetes takes, near the text; "" where nothing of the text can be used.
std::string object_name(std::string_view text) {
  std::string name;
  for (const char c : lower(text)) {
    if (is_label_character(c)) {
      name += c;
    } else if (!name.empty() && name.back() != '-') {
      name += '-';
    }
  }
  name.resize(std::min(name.size(), kNameLengthMax));
  while (name.ends_with('-')) name.pop_back();
  return name;
}

/// `wanted`, or with the first number from 2 on that makes it new.
std::string unique(const std::string& wanted, const std::string& separator, std::set<std::string>& taken) {
  std::string name = wanted;
  for (int i = 2; !taken.insert(lower(name)).second; ++i) name = wanted + separator + std::to_string(i);
  return name;
}

/// What a client may ask for: letters, digits, '_' and '-'.
std::string database_name(std::string_view text) {
  std::string name;
  for (const char c : text) {
    const bool plain = is_label_character(c) || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
    name += plain ? c : '_';
  }
  if (name.empty() || !api::has_form(name, api::Form::kDatabaseName)) name.insert(0, "_");
  name.resize(std::min<std::size_t>(name.size(), 60));
  return name;
}

std::string mode_word(api::PoolMode mode) {
  if (mode == api::PoolMode::kTransaction) return "transaction";
  return mode == api::PoolMode::kSession ? "session" : "statement";
}

class Builder {
 public:
  Builder(const Installation& installation, const ImportOptions& options)
      : installation_(installation), options_(options) {}

  Import build(const std::vector<render::Credentials>& userlist) {
    shared_ = shared_settings(installation_, options_.databases.version, import_.notes);
    using Key = std::tuple<std::string, std::int32_t, api::PoolMode>;
    std::vector<Key> order;
    std::map<Key, std::vector<Candidate>> groups;
    for (Candidate& candidate : candidates(installation_, userlist, options_.databases, import_.notes)) {
      const Key key{lower(candidate.host), candidate.port, candidate.mode};
      if (!groups.contains(key)) order.push_back(key);
      groups[key].push_back(std::move(candidate));
    }
    for (const Place& place : installation_.peers) {
      note(true, place, {.section = "peers", .name = {}, .key = {}}, "is for several processes behind one port");
    }
    for (const Key& key : order) add_group(std::move(groups[key]));
    return std::move(import_);
  }

 private:
  void note(bool dropped, const Place& place, Subject subject, std::string why) {
    import_.notes.push_back({.dropped = dropped, .place = place, .subject = std::move(subject), .why = std::move(why)});
  }

  void add_group(std::vector<Candidate> group) {
    for (std::size_t at = 0; at < group.size(); at += kDatabasesMax) {
      const std::size_t count = std::min(kDatabasesMax, group.size() - at);
      const auto begin = group.begin() + static_cast<std::ptrdiff_t>(at);
      add_pool({std::make_move_iterator(begin), std::make_move_iterator(begin + static_cast<std::ptrdiff_t>(count))});
    }
  }

  std::string pool_name(const Candidate& first) {
    std::string base = object_name(options_.name);
    const bool is_name = api::kind_of_host(first.host) == api::HostKind::kName;
    if (base.empty()) base = object_name(is_name ? first.host.substr(0, first.host.find('.')) : "pg-" + first.host);
    if (base.empty()) base = "postgres";
    const auto [known, is_new_host] = ports_.try_emplace(lower(first.host), first.port);
    if (!pool_names_.contains(base)) return unique(base, "-", pool_names_);
    // Another server whose name begins alike, or the same one again for another pool mode or port.
    if (is_new_host && options_.name.empty()) return unique(object_name(first.host), "-", pool_names_);
    const bool is_other_port = known->second != first.port;
    return unique(base + "-" + (is_other_port ? std::to_string(first.port) : mode_word(first.mode)), "-", pool_names_);
  }

  void add_pool(std::vector<Candidate> members) {
    ImportedPool imported;
    api::ConnectionPool& pool = imported.pool;
    pool.name = pool_name(members.front());
    pool.namespace_name = options_.namespace_name;
    pool.spec.postgres = {.host = members.front().host, .port = members.front().port, .tls = shared_.tls};
    pool.spec.pgbouncer = shared_.pgbouncer;
    pool.spec.pgbouncer.pool_mode = members.front().mode;
    // A hand-written size stays what it is until the user lets go of it; meanwhile the status says what it would be.
    pool.spec.sizing.mode = api::SizingMode::kRecommend;
    add_tls(pool);
    std::set<std::string> names;
    std::map<std::string, std::string> secrets;  // by user
    for (Candidate& member : members) add_database(member, pool, names, secrets);
    imported.candidates = std::move(members);
    drop_invalid(imported);
    if (pool.spec.databases.empty()) return;
    const auto smallest =
        std::min_element(pool.spec.databases.begin(), pool.spec.databases.end(),
                         [](const auto& a, const auto& b) { return a.pool_size.max < b.pool_size.max; });
    pool.spec.pgbouncer.replicas = std::min(pool.spec.pgbouncer.replicas, smallest->pool_size.max);
    for (const api::FieldError& error : api::validate(pool)) {
      note(true, members_place(imported), {.section = "pgbouncer", .name = {}, .key = {}}, to_string(error));
    }
    import_.pools.push_back(std::move(imported));
  }

  static Place members_place(const ImportedPool& imported) { return imported.candidates.front().place; }

  void add_database(Candidate& member, api::ConnectionPool& pool, std::set<std::string>& names,
                    std::map<std::string, std::string>& secrets) {
    api::Database& database = member.database;
    std::string wanted = database_name(member.original_name);
    if (api::has_form(member.original_name, api::Form::kDatabaseName)) wanted = member.original_name;
    database.name = unique(wanted, "_", names);
    if (database.name != member.original_name) {
      if (!database.database_name) database.database_name = member.original_name;
      note(false, member.place, {.section = "databases", .name = member.original_name, .key = ""},
           "clients must ask for " + database.name +
               ": names have letters, digits, _ and -, and differ by more than "
               "upper and lower case");
    }
    if (database.database_name == database.name) database.database_name.reset();
    auto [secret, is_new] = secrets.try_emplace(member.username);
    if (is_new) secret->second = add_login(pool.name, member);
    if (!is_new && !(logins_[secret->second] == member.password)) {
      note(true, member.place, {.section = "databases", .name = member.original_name, .key = "password"},
           "differs from that of another database of the same user and server; PgBouncer knows one password a user");
    }
    database.credentials_secret_ref.name = secret->second;
    pool.spec.databases.push_back(database);
  }

  std::string add_login(const std::string& pool, const Candidate& member) {
    const bool is_known = member.username != kPlaceholder;
    std::string base = object_name(is_known ? member.username : member.original_name);
    if (base.empty()) base = "login";
    std::string name = unique(pool + "-" + base, "-", secret_names_);
    import_.secrets.push_back({.name = name,
                               .keys = {{.key = "username", .value = SecretString(member.username), .file = {}},
                                        {.key = "password", .value = member.password, .file = {}}}});
    logins_[name] = member.password;
    return name;
  }

  api::SecretRef add_files(const std::string& name, const std::string& type, std::vector<SecretKey> keys) {
    const std::string unique_name = unique(name, "-", secret_names_);
    import_.secrets.push_back({.name = unique_name, .type = type, .keys = std::move(keys)});
    return {.name = unique_name};
  }

  void add_tls(api::ConnectionPool& pool) {
    const TlsFiles& files = shared_.files;
    if (!files.server_ca.empty()) {
      pool.spec.postgres.tls.ca_secret_ref =
          add_files(pool.name + "-server-ca", "Opaque", {{.key = "ca.crt", .value = {}, .file = files.server_ca}});
    }
    if (!files.server_cert.empty() || !files.server_key.empty()) {
      pool.spec.postgres.tls.client_cert_secret_ref =
          add_files(pool.name + "-server-login", "kubernetes.io/tls",
                    {{.key = "tls.crt", .value = {}, .file = files.server_cert},
                     {.key = "tls.key", .value = {}, .file = files.server_key}});
    }
    if (files.client_cert.empty()) return;
    std::vector<SecretKey> keys = {{.key = "tls.crt", .value = {}, .file = files.client_cert},
                                   {.key = "tls.key", .value = {}, .file = files.client_key}};
    if (!files.client_ca.empty()) keys.push_back({.key = "ca.crt", .value = {}, .file = files.client_ca});
    pool.spec.pgbouncer.client_tls_secret_ref =
        add_files(pool.name + "-tls", files.client_ca.empty() ? "kubernetes.io/tls" : "Opaque", std::move(keys));
  }

  /// Databases that the resource would be refused for, one by one: the others are worth having.
  void drop_invalid(ImportedPool& imported) {
    for (std::size_t i = imported.candidates.size(); i-- > 0;) {
      api::ConnectionPool alone = imported.pool;
      alone.spec.databases = {imported.pool.spec.databases[i]};
      alone.spec.pgbouncer.replicas = 1;
      const auto errors = api::validate(alone);
      const auto bad = std::find_if(errors.begin(), errors.end(), [](const api::FieldError& error) {
        return error.path.starts_with("spec.databases");
      });
      if (bad == errors.end()) continue;
      note(true, imported.candidates[i].place,
           {.section = "databases", .name = imported.candidates[i].original_name, .key = ""}, bad->message);
      imported.candidates.erase(imported.candidates.begin() + static_cast<std::ptrdiff_t>(i));
      imported.pool.spec.databases.erase(imported.pool.spec.databases.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }

  const Installation& installation_;
  const ImportOptions& options_;
  SharedSettings shared_;
  Import import_;
  std::map<std::string, std::int32_t> ports_;  // of the first pool on each host
  std::set<std::string> pool_names_;
  std::set<std::string> secret_names_;
  std::map<std::string, SecretString> logins_;  // passwords by name of the Secret
};

}  // namespace

Import import_installation(const Installation& installation, const std::vector<render::Credentials>& userlist,
                           const ImportOptions& options) {
  return Builder(installation, options).build(userlist);
}

}  // namespace poolwright::importer

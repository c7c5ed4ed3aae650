#include "fakes/fake_console.h"

#include <algorithm>

#include "pgbouncer/rows.h"

namespace poolwright::tests {

using postgres::Table;

namespace {

struct KnownSetting {
  const char* key;
  const char* default_value;
  bool is_changeable;
};

/// The part of PgBouncer's settings that tests use, with its defaults.
constexpr KnownSetting kKnown[] = {{"admin_users", "", true},
                                   {"auth_type", "md5", true},
                                   {"default_pool_size", "20", true},
                                   {"ignore_startup_parameters", "", true},
                                   {"listen_addr", "", false},
                                   {"listen_port", "6432", false},
                                   {"max_client_conn", "100", true},
                                   {"pool_mode", "session", true},
                                   {"query_wait_timeout", "120", true},
                                   {"reserve_pool_timeout", "5", true},
                                   {"server_idle_timeout", "600", true},
                                   {"server_tls_sslmode", "prefer", true},
                                   {"stats_users", "", true},
                                   {"syslog_ident", "pgbouncer", true}};

Error refused(const std::string& message) { return make_error(ErrorKind::kInvalid, message); }

const KnownSetting* find_known(const std::string& key) {
  const auto* found =
      std::find_if(std::begin(kKnown), std::end(kKnown), [&](const auto& one) { return one.key == key; });
  return found == std::end(kKnown) ? nullptr : found;
}

std::string option(const std::map<std::string, std::string>& options, const std::string& name,
                   const std::string& otherwise) {
  const auto found = options.find(name);
  return found == options.end() ? otherwise : found->second;
}

}  // namespace

FakeConsole::FakeConsole(int version, const FakeFile& file) : version_(version), file_(file) {
  MutexLock lock(mutex_);
  for (const auto& known : kKnown) settings_[known.key] = known.default_value;
  for (const auto& [key, value] : file.settings) settings_[key] = value;
  load(file);
}

void FakeConsole::run(const pgbouncer::Command& command, const Deadline& deadline, Reply done) {
  std::function<void(const std::string&)> hook;
  {
    MutexLock lock(mutex_);
    hook = hook_;
  }
  if (deadline.passed()) return done(make_error(ErrorKind::kDeadlineExceeded, command.text() + ": not sent"));
  if (hook) hook(command.text());
  Result<Table> result = [&] {
    MutexLock lock(mutex_);
    commands_.push_back(command.text());
    return answer(command.text());
  }();
  done(std::move(result));
}

void FakeConsole::write_file(const FakeFile& file) {
  MutexLock lock(mutex_);
  file_ = file;
  later_.reset();
}

void FakeConsole::write_file_after(int reloads, const FakeFile& file) {
  MutexLock lock(mutex_);
  later_ = {reloads, file};
}

void FakeConsole::set(const std::string& key, const std::string& value) {
  MutexLock lock(mutex_);
  settings_[key] = value;
}

void FakeConsole::fail_with(std::optional<Error> error) {
  MutexLock lock(mutex_);
  failure_ = std::move(error);
}

void FakeConsole::fail_command(const std::string& command, Error error) {
  MutexLock lock(mutex_);
  command_failures_.insert_or_assign(command, std::move(error));
}

void FakeConsole::on_command(std::function<void(const std::string&)> hook) {
  MutexLock lock(mutex_);
  hook_ = std::move(hook);
}

void FakeConsole::set_gauges(const std::string& database, const FakeGauges& gauges) {
  const MutexLock lock(mutex_);
  gauges_[database] = gauges;
}

std::vector<std::string> FakeConsole::commands() const {
  MutexLock lock(mutex_);
  return commands_;
}

Result<Table> FakeConsole::answer(const std::string& command) {
  if (failure_) return *failure_;
  const auto failing = command_failures_.find(command);
  if (failing != command_failures_.end()) return failing->second;
  if (command == "SHOW CONFIG") return config_table();
  if (command == "SHOW DATABASES") return databases_table();
  if (command == "SHOW POOLS") return pools_table();
  if (command == "SHOW STATS") return stats_table();
  if (command == "SHOW STATE" && version_ >= pgbouncer::kFirstVersionWithState) {
    return Table{{"key", "value"}, {{"paused", are_paused_ ? "yes" : "no"}}};
  }
  if (command == "PAUSE" || command == "RESUME") return pause_all(command == "PAUSE");
  if (command == "SHOW USERS") return users_table();
  if (command == "SHOW LISTS") {
    return Table{{"list", "items"}, {{"databases", std::to_string(databases_.size() + 1)}, {"users", "2"}}};
  }
  if (command == "SHOW VERSION") return Table{{"version"}, {{"PgBouncer " + pgbouncer::version_text(version_)}}};
  if (command == "RELOAD") return reload();
  if (command == "SHUTDOWN WAIT_FOR_SERVERS" && version_ >= 12300) return Table{};
  const auto blank = command.find(" \"");
  if (blank != std::string::npos) return change_database(command.substr(0, blank), command.substr(blank + 1));
  return refused("invalid command '" + command + "', use SHOW HELP;");
}

Result<Table> FakeConsole::change_database(const std::string& verb, const std::string& quoted) {
  const std::string name = quoted.substr(1, quoted.size() - 2);
  if (!databases_.contains(name)) return refused("no such database: " + name);
  if (verb == "PAUSE") paused_.insert(name);
  if (verb == "RESUME" && paused_.erase(name) == 0) return refused("database " + name + " is not paused");
  return Table{};
}

Result<Table> FakeConsole::pause_all(bool pause) {
  if (pause == are_paused_) return refused(pause ? "already suspended/paused" : "pooler is not paused/suspended");
  are_paused_ = pause;
  return Table{};
}

Result<Table> FakeConsole::reload() {
  if (later_ && --later_->first < 0) {
    file_ = later_->second;
    later_.reset();
  }
  const bool is_loaded = load(file_);
  // Up to 1.24 it says success all the same.
  if (!is_loaded && version_ >= 12500) return refused("RELOAD failed, see logs for additional details");
  return Table{};
}

/// Like PgBouncer: stops at a bad line, and keeps what it has changed up to there.
bool FakeConsole::load(const FakeFile& file) {
  std::set<std::string> named;
  for (std::size_t i = 0; i < file.databases.size(); ++i) {
    if (file.bad_database == i) return false;
    databases_[file.databases[i].name] = file.databases[i].options;
    named.insert(file.databases[i].name);
  }
  for (const auto& known : kKnown) {
    if (known.is_changeable) settings_[known.key] = known.default_value;
  }
  for (std::size_t i = 0; i < file.settings.size(); ++i) {
    if (file.bad_setting == i) return false;
    const auto& [key, value] = file.settings[i];
    const KnownSetting* known = find_known(key);
    if (known == nullptr || known->is_changeable) settings_[key] = value;
  }
  std::erase_if(databases_, [&](const auto& entry) { return !named.contains(entry.first); });
  users_ = file.users;
  return true;
}

Table FakeConsole::config_table() const {
  Table table{{"key", "value", "default", "changeable"}, {}};
  for (const auto& [key, value] : settings_) {
    const KnownSetting* known = find_known(key);
    const bool is_known = known != nullptr;
    table.rows.push_back(
        {key, value, is_known ? known->default_value : "", !is_known || known->is_changeable ? "yes" : "no"});
  }
  return table;
}

Table FakeConsole::databases_table() const {
  const bool is_new = version_ >= 12400;
  Table table{{"name", "host", "port", "database", "force_user", "pool_size", "min_pool_size",
               is_new ? "reserve_pool_size" : "reserve_pool", "pool_mode", "max_connections", "current_connections",
               "paused", "disabled"},
              {{"pgbouncer", "", "6432", "pgbouncer", "pgbouncer", "2", "0", "0", "statement", "0", "0", "0", "0"}}};
  for (const auto& [name, options] : databases_) {
    const std::string reserve = option(options, "reserve_pool", option(options, "reserve_pool_size", "0"));
    table.rows.push_back({name, option(options, "host", ""), option(options, "port", "5432"),
                          option(options, "dbname", name), option(options, "user", ""),
                          option(options, "pool_size", settings_.at("default_pool_size")),
                          option(options, "min_pool_size", "0"), reserve, option(options, "pool_mode", ""),
                          option(options, "max_db_connections", "0"), "0", paused_.contains(name) ? "1" : "0", "0"});
  }
  return table;
}

Table FakeConsole::pools_table() const {
  Table table{{"database", "user", "cl_active", "cl_waiting", "sv_active", "sv_idle", "sv_used", "sv_tested",
               "sv_login", "maxwait", "maxwait_us", "pool_mode"},
              {}};
  for (const auto& [name, options] : databases_) {
    const auto found = gauges_.find(name);
    const FakeGauges gauges = found == gauges_.end() ? FakeGauges{} : found->second;
    table.rows.push_back({name, option(options, "user", ""), "0", std::to_string(gauges.cl_waiting),
                          std::to_string(gauges.sv_active), "0", "0", "0", std::to_string(gauges.sv_login), "0", "0",
                          "transaction"});
  }
  return table;
}

Table FakeConsole::stats_table() const {
  Table table{{"database", "total_xact_count", "total_query_count", "total_received", "total_sent", "total_xact_time",
               "total_query_time", "total_wait_time"},
              {}};
  for (const auto& [name, options] : databases_) table.rows.push_back({name, "0", "0", "0", "0", "0", "0", "0"});
  return table;
}

Table FakeConsole::users_table() const {
  Table table{{"name", "pool_mode"}, {}};
  for (const std::string& user : users_) table.rows.push_back({user, ""});
  return table;
}

}  // namespace poolwright::tests

// Real servers for tests: a private PostgreSQL and PgBouncers of several versions, on free loopback ports, in a folder
// of their own that goes with them. Processes are children of the test and are ended by their id.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace poolwright::tests {

/// A folder below the system's temporary folder that the servers' user can use; removed at the end.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// A child that runs as the servers' user (postgres, if the test runs as root), its output in a file.
class ChildProcess {
 public:
  ChildProcess(const std::vector<std::string>& command, const std::filesystem::path& output);
  /// SIGQUIT, which PostgreSQL and PgBouncer obey at once, then SIGKILL.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  void send_signal(int number) const;
  bool is_running();
  /// Waits for its end, but not for ever; the exit code, none if it runs on.
  std::optional<int> wait_for_end();

 private:
  pid_t pid_ = 0;
  std::optional<int> exit_code_;
};

std::uint16_t free_port();

/// Writes a file that the servers' user can read, by renaming, as the kubelet does.
void write_file(const std::filesystem::path& path, const std::string& text);

/// One PostgreSQL for a whole test program: databases app and other, roles app_user, observer (pg_monitor), plain.
/// Passwords are the role's name followed by "-password".
class PostgresServer {
 public:
  /// Null, with a reason in the test's output, where PostgreSQL is not installed.
  static std::shared_ptr<PostgresServer> shared();

  PostgresServer();
  std::uint16_t port() const { return port_; }
  bool is_ready() const { return is_ready_; }
  /// As superuser; the output of psql.
  std::string sql(const std::string& statement) const;

 private:
  TemporaryFolder folder_;
  std::uint16_t port_;
  bool is_ready_ = false;
  std::unique_ptr<ChildProcess> process_;
};

/// Versions that the operator supports and the tests know.
const std::vector<std::string>& pgbouncer_versions();
/// Whether this machine has that version ($POOLWRIGHT_CACHE/pgbouncer/VERSION, or the system's).
bool has_pgbouncer(const std::string& version);

/// What stands in a pgbouncer.ini of these tests.
struct IniOptions {
  std::string marker = "gen-1";
  int pool_size = 4;                      // of database app
  std::string query_wait_timeout = "60";  // seconds
  std::string first_line;                 // right below [pgbouncer]
  std::string last_line;                  // at the end of the file
  std::string first_database_line;        // above the one of app
  std::string database_line;              // between those of app and my-db
  std::string user_marker;                // a user who cannot log in
  std::string stats_password = "stats-password";
  std::string admin_password = "admin-password";
};

class PgBouncerServer {
 public:
  PgBouncerServer(const std::string& version, std::uint16_t postgres_port, const IniOptions& options = {});

  std::uint16_t port() const { return port_; }
  ChildProcess& process() { return *process_; }
  /// Replaces the files; PgBouncer reads them at the next RELOAD.
  void write_config(const IniOptions& options) const;
  std::string log() const;
  /// Waits until it accepts connections.
  bool wait_until_ready();

 private:
  TemporaryFolder folder_;
  std::uint16_t port_;
  std::uint16_t postgres_port_;
  std::unique_ptr<ChildProcess> process_;
};

}  // namespace poolwright::tests

// A PgBouncer in memory as its console shows it: files that RELOAD reads with the half-applied results of the real one
// (by version), paused databases, failures on demand. Passes the contract tests of the real console.
// Thread rule: any thread.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "pgbouncer/console.h"
#include "pgbouncer/verify.h"

namespace poolwright::tests {

/// What stands in the files of one generation, in the order of the lines.
struct FakeFile {
  std::vector<pgbouncer::ExpectedDatabase> databases;
  std::vector<std::pair<std::string, std::string>> settings;  // of [pgbouncer]
  std::vector<std::string> users;                             // of the userlist
  /// PgBouncer stops before this line: an index into databases, or into settings.
  std::optional<std::size_t> bad_database;
  std::optional<std::size_t> bad_setting;
};

struct FakeGauges {
  int cl_waiting = 0;
  int sv_active = 0;
  int sv_login = 0;
};

class FakeConsole final : public pgbouncer::Console {
 public:
  /// Runs `file` as if it had been started with it. `version` as PQserverVersion: 12401.
  FakeConsole(int version, const FakeFile& file);

  void run(const pgbouncer::Command& command, const Deadline& deadline, Reply done) override;
  int version() const override { return version_; }

  /// What the next RELOAD reads.
  void write_file(const FakeFile& file);
  /// The file is there only when RELOAD was called `reloads` times more.
  void write_file_after(int reloads, const FakeFile& file);
  /// Changes a setting as the console's SET does.
  void set(const std::string& key, const std::string& value);
  /// While set, every command fails with it (an unreachable pod, a stats user's console).
  void fail_with(std::optional<Error> error);
  /// Only this command fails so ("RELOAD").
  void fail_command(const std::string& command, Error error);
  /// Called with the text of each command before it is carried out; for tests that move time or files in between.
  void on_command(std::function<void(const std::string&)> hook);
  /// What SHOW POOLS says of a database.
  void set_gauges(const std::string& database, const FakeGauges& gauges);

  std::vector<std::string> commands() const;

 private:
  Result<postgres::Table> answer(const std::string& command) PW_REQUIRES(mutex_);
  Result<postgres::Table> reload() PW_REQUIRES(mutex_);
  Result<postgres::Table> pause_all(bool pause) PW_REQUIRES(mutex_);
  Result<postgres::Table> change_database(const std::string& verb, const std::string& quoted) PW_REQUIRES(mutex_);
  bool load(const FakeFile& file) PW_REQUIRES(mutex_);
  postgres::Table config_table() const PW_REQUIRES(mutex_);
  postgres::Table databases_table() const PW_REQUIRES(mutex_);
  postgres::Table pools_table() const PW_REQUIRES(mutex_);
  postgres::Table stats_table() const PW_REQUIRES(mutex_);
  postgres::Table users_table() const PW_REQUIRES(mutex_);

  const int version_;
  mutable Mutex mutex_;
  FakeFile file_ PW_GUARDED_BY(mutex_);
  std::optional<std::pair<int, FakeFile>> later_ PW_GUARDED_BY(mutex_);
  std::map<std::string, std::string> settings_ PW_GUARDED_BY(mutex_);
  std::map<std::string, std::map<std::string, std::string>> databases_ PW_GUARDED_BY(mutex_);
  std::vector<std::string> users_ PW_GUARDED_BY(mutex_);
  std::map<std::string, FakeGauges> gauges_ PW_GUARDED_BY(mutex_);
  std::set<std::string> paused_ PW_GUARDED_BY(mutex_);
  bool are_paused_ PW_GUARDED_BY(mutex_) = false;  // all together
  std::optional<Error> failure_ PW_GUARDED_BY(mutex_);
  std::map<std::string, Error> command_failures_ PW_GUARDED_BY(mutex_);
  std::function<void(const std::string&)> hook_ PW_GUARDED_BY(mutex_);
  std::vector<std::string> commands_ PW_GUARDED_BY(mutex_);
};

}  // namespace poolwright::tests

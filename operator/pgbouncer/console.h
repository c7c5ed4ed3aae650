// The admin console of one PgBouncer: the commands that there are, and the interface through which they run. Real
// consoles belong to a ConsoleFleet (fleet.h); the fake of the tests passes the same contract tests.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"
#include "pgbouncer/rows.h"
#include "postgres/table.h"

namespace poolwright::pgbouncer {

enum class ShowTopic { kPools, kStats, kDatabases, kServers, kState, kConfig, kUsers, kVersion, kLists };

/// SHOW STATE, and with it the way to see that all databases are paused together, is there from this version on.
inline constexpr int kFirstVersionWithState = 11'900;

/// One console command, quoted for the console's grammar. It cannot be made from an unchecked name.
class Command {
 public:
  static Command show(ShowTopic topic);
  /// Reads the files again. Wipes every SET. Up to 1.24 it says success even where the file was refused.
  static Command reload();
  /// Returns when no server connection is in use; clients wait. Stays in force when the console goes away.
  static Result<Command> pause(std::string_view database);
  /// Also an error where the database is not paused.
  static Result<Command> resume(std::string_view database);
  /// The same for all databases together. Unlike a pause of one database it keeps PgBouncer from opening connections
  /// for min_pool_size, which it would break off at once and then take for refused logins: clients that come right
  /// after such a pause are turned away.
  static Command pause_all();
  static Command resume_all();
  /// Closes every server connection of the database when it is released. Unsafe while PostgreSQL refuses logins.
  static Result<Command> reconnect(std::string_view database);
  /// 1.23+: ends when no server connection is in use; clients get an error at their next query.
  static Command shutdown_wait_for_servers();

  const std::string& text() const { return text_; }

 private:
  explicit Command(std::string text) : text_(std::move(text)) {}

  std::string text_;
};

/// `"name"` as the console reads it. Only names that PgBouncer can be given are accepted
/// (^[A-Za-z_][A-Za-z0-9_-]{0,62}$, not "pgbouncer"), else kInvalid.
Result<std::string> quote_database(std::string_view name);

/// Thread rule: any thread. `done` is called exactly once; it must not block, and it may be called before run returns.
/// Commands of one console run one at a time in the order of run. A command whose deadline passes before it was sent is
/// never sent; if it passes afterwards the outcome is unknown (kDeadlineExceeded) and the console reconnects.
///
/// Errors: kUnavailable (not connected, lost), kDeadlineExceeded, kThrottled (too many commands wait), kCancelled (the
/// pod was removed), kProtocol, and what PgBouncer answered: kInvalid (refused, e.g. RELOAD of a bad file on 1.25+),
/// kForbidden (no admin rights).
class Console {
 public:
  using Reply = std::function<void(Result<postgres::Table>)>;

  Console() = default;
  virtual ~Console() = default;
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  virtual void run(const Command& command, const Deadline& deadline, Reply done) = 0;

  /// 12401 for 1.24.1; 0 while it was never connected.
  virtual int version() const = 0;
};

/// Runs a command and waits for its answer; for workers, never for the console thread. Ends at the deadline
/// (kDeadlineExceeded) or when asked to stop (kCancelled); the command may then still be carried out.
Result<postgres::Table> run_and_wait(Console& console, const Command& command, const CallLimits& limits);

/// The same for commands that answer nothing but success.
Status tell(Console& console, const Command& command, const CallLimits& limits);

Result<std::vector<PoolRow>> show_pools(Console& console, const CallLimits& limits);
Result<std::vector<StatsRow>> show_stats(Console& console, const CallLimits& limits);
Result<std::vector<DatabaseRow>> show_databases(Console& console, const CallLimits& limits);
Result<std::vector<ServerRow>> show_servers(Console& console, const CallLimits& limits);
/// Whether all databases are paused together; only from kFirstVersionWithState on.
Result<bool> show_paused(Console& console, const CallLimits& limits);
Result<std::vector<ConfigRow>> show_config(Console& console, const CallLimits& limits);
Result<std::vector<std::string>> show_users(Console& console, const CallLimits& limits);
Result<std::string> show_version(Console& console, const CallLimits& limits);
Result<std::map<std::string, std::int64_t>> show_lists(Console& console, const CallLimits& limits);

}  // namespace poolwright::pgbouncer

// Ends leaked sessions of pools whose spec asks for it: sessions that were idle in a transaction for too long, that a
// PgBouncer of the pool holds at this moment, and that have done nothing since they were seen. Tells of it by events.
// A thread of its own, since it waits for consoles and servers. Thread rule: start and stop from one thread.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <thread>
#include <utility>

#include "api/object_store.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "pgbouncer/fleet.h"
#include "run/server_watch.h"
#include "run/sizing_snapshot.h"

namespace poolwright::run {

/// All outlive the ender.
struct LeakEnderParts {
  api::ObjectStore& store;
  pgbouncer::ConsoleFleet& fleet;
  ServerWatch& servers;
  const SizingMailbox& sizing;
  const Clock& clock;
  /// Whether this process is the one that acts.
  std::function<bool()> may_end;
};

class LeakEnder {
 public:
  static constexpr Duration kPeriod{1000};
  /// Sessions ended in one period at most, of all pools together.
  static constexpr std::size_t kEndedMax = 3;
  static constexpr Duration kQuestionLimit{3000};  // of a console
  static constexpr Duration kEndLimit{10'000};     // of a server, its next look included
  /// After a refusal a pool is left alone for this long.
  static constexpr Duration kRefusedRest{60'000};

  explicit LeakEnder(LeakEnderParts parts) : parts_(std::move(parts)) {}

  void start();
  /// Returns when the thread has ended.
  void stop();

  using PoolKey = std::pair<std::string, std::string>;  // namespace and name
  /// Sessions that were ended, of pools that are there. From any thread.
  std::map<PoolKey, std::uint64_t> ended() const PW_EXCLUDES(mutex_);

 private:
  /// What a database's last try came to.
  struct Refusal {
    std::string problem;
    MonotonicTime again_at{};
  };

  void run(const std::stop_token& stop);
  void tick(const std::stop_token& stop);
  void end_overdue(const DatabaseSizing& database, std::size_t& left, const std::stop_token& stop);
  /// Of `database`, those that its PgBouncers hold.
  std::vector<sizing::Session> own_sessions(const DatabaseSizing& database, const std::stop_token& stop);
  void note(const DatabaseSizing& database, std::string reason, std::string message);
  void tell_problem(const DatabaseSizing& database, const Error& error);
  void forget_gone(const SizingSnapshot& snapshot);

  const LeakEnderParts parts_;

  // Of the thread.
  std::uint64_t seen_ = 0;
  std::map<std::pair<PoolKey, std::string>, Refusal> refused_;  // by pool and database

  mutable Mutex mutex_;
  std::map<PoolKey, std::uint64_t> ended_ PW_GUARDED_BY(mutex_);

  std::jthread thread_;
};

}  // namespace poolwright::run

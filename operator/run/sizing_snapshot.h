// What the sizing knows and has decided, at one moment, for everybody who only wants to read it: the monitoring,
// `explain`, the recorder. Published once a second as one immutable value. Thread rule: values; the mailbox may be used
// from any thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "api/connection_pool.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "sizing/budget.h"
#include "sizing/explanation.h"
#include "sizing/leaks.h"
#include "sizing/observation_json.h"

namespace poolwright::run {

/// Sessions that are to be ended, and where to look whether they are the pool's own.
struct OverdueSessions {
  std::vector<sizing::Session> sessions;  // oldest first
  double limit_s = 0;                     // that they have passed
  std::string server;                     // server_name under which they were seen
  std::string user;                       // that the pool's PgBouncers log in as
  std::vector<std::string> pods;          // UIDs of those that run
};

/// Sessions that have been idle in a transaction for too long; they hold connections and do nothing.
struct LeakSighting {
  bool is_known = false;  // false: nobody looks, since there is no observer role, or it may not see the states
  std::int64_t count = 0;
  double oldest_s = 0;
  std::vector<std::int64_t> pids;  // oldest first, at most sizing::LeakReport::kListedMax
  std::string application_name;    // of the oldest, "" if it has none
  std::string text;                // "3 transactions idle for more than 30 s, oldest 121 s: pid 41 (api), ..."
  OverdueSessions overdue;
};

/// One database of one pool.
struct DatabaseSizing {
  std::string namespace_name;
  std::string pool;
  std::string database;  // what clients ask PgBouncer for
  std::string server;    // ServerSizing::id
  api::SizingMode mode = api::SizingMode::kAuto;
  std::int64_t size = 0;      // as decided, sum over all pods
  std::int64_t size_min = 0;  // of the spec
  std::int64_t size_max = 0;
  std::int64_t reserve = 0;  // on top of the size, sum over all pods
  std::int64_t pods = 0;     // that may exist at once
  std::int64_t size_per_pod = 0;
  std::int64_t recommended = 0;         // what mode Auto would lead to, sum over all pods
  std::string reason;                   // one word: "Demand", "Budget", ...
  std::string why;                      // one sentence with the numbers
  std::string what_would_change;        // one sentence
  std::optional<double> utilization;    // busy servers / size, may pass 1; absent while nothing was observed
  std::optional<std::int64_t> waiting;  // clients; absent while nothing was observed
  std::int64_t committed = 0;           // the most connections that its pods may have now
  std::int64_t held = 0;                // that they were seen to have
  bool is_fresh = false;                // every pod was observed without a gap: the numbers are of this moment
  LeakSighting leak;
  sizing::Explanation numbers;  // sizes in it are per pod
};

/// One PostgreSQL server and the budget that all pools on it share.
struct ServerSizing {
  std::string id;                 // "orders-db.shop.svc:5432"; of several names of one server the first
  std::string system_identifier;  // of the server; "" while nobody could read it
  int version = 0;                // 150006; 0 while unknown
  bool is_observed = false;       // an observer role is given, and it got in
  std::string problem;            // why the observer does not get in; "" where it does or there is none
  std::optional<double> response_ms;
  std::optional<std::int64_t> max_connections;  // of the server
  std::optional<std::int64_t> connections;      // that exist on it, whoever has them
  sizing::Budget budget;                        // connections, source, and the arithmetic in words
  std::int64_t committed = 0;                   // by all pools
  std::int64_t held = 0;
  sizing::GuardState guard_state = sizing::GuardState::kOpen;
  bool is_saturated = false;        // more connections would make it do less work
  bool is_budget_exceeded = false;  // the minimums do not fit
  std::string who_takes_what;       // "shop/orders/app 20 of 25, shop/billing/app 5 of 25", largest first
  /// What the last decision was made from: one line of an observation log.
  std::shared_ptr<const sizing::ObservationRecord> record;
};

/// One change of a size.
struct SizeChange {
  std::uint64_t serial = 0;  // grows by one with each change, from 1
  WallTime time{};
  std::string namespace_name;
  std::string pool;
  std::string database;
  std::int64_t size_before = 0;
  std::int64_t size = 0;
  std::string reason;  // one word
  std::string text;    // one sentence
};

struct SizingSnapshot {
  /// Changes that are kept; a reader that looks more often than they come misses none.
  static constexpr std::size_t kChangesMax = 256;

  std::uint64_t serial = 0;  // grows by one with each snapshot, from 1
  MonotonicTime now{};
  WallTime wall_now{};
  std::vector<ServerSizing> servers;      // by id
  std::vector<DatabaseSizing> databases;  // by namespace, pool, database
  std::vector<SizeChange> changes;        // the latest, oldest first; a reader remembers the serial that it has seen
};

/// The changes after the one with the serial `seen`; all of them where somebody began to decide, and to count, anew.
inline std::span<const SizeChange> changes_since(const std::vector<SizeChange>& changes, std::uint64_t seen) {
  const bool is_anew = !changes.empty() && changes.back().serial < seen;
  const auto first = std::find_if(changes.begin(), changes.end(),
                                  [&](const SizeChange& change) { return is_anew || change.serial > seen; });
  return {first, changes.end()};
}

/// Holds the newest snapshot.
class SizingMailbox {
 public:
  void publish(std::shared_ptr<const SizingSnapshot> snapshot) PW_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    newest_ = std::move(snapshot);
  }

  /// Never null; serial 0 before the first was published.
  std::shared_ptr<const SizingSnapshot> newest() const PW_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return newest_;
  }

 private:
  mutable Mutex mutex_;
  std::shared_ptr<const SizingSnapshot> newest_ PW_GUARDED_BY(mutex_) = std::make_shared<const SizingSnapshot>();
};

}  // namespace poolwright::run

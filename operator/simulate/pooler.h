// One simulated PgBouncer with one pool: a queue of transactions, servers that are idle, active or logging in, and the
// counters that the real one shows. Modelled after its source: idle servers are taken last in first out, one login is
// in flight at a time, xact_time (which includes waiting) is counted when a transaction ends, a rejected login blocks
// the pool for server_login_retry. Knows nothing of time or events: the simulator drives it.
#pragma once

#include <deque>
#include <utility>
#include <vector>

#include "sizing/observation.h"

namespace poolwright::simulate {

/// A client's transaction; times in seconds.
struct Transaction {
  int pool = 0;
  int pod = 0;
  double arrived_s = 0;
  double started_s = 0;
  double work_s = 0;  // on the server
  double lock_s = 0;  // waiting inside a statement
  double gap_s = 0;   // between statements
  double leak_s = 0;  // left idle in transaction
  bool is_ended_by_us = false;
};

/// A transaction that is idle in transaction from `from_s` until `until_s`.
struct IdleSpan {
  double from_s = 0;
  double until_s = 0;
  std::size_t transaction = 0;
};

struct Pooler {
  int size = 1;
  /// Newest setting that was sent to it and has not arrived yet, and those before.
  std::deque<int> pending;
  /// Time since which each idle server is idle, longest idle first.
  std::vector<double> idle_since_s;
  int active = 0;
  int logging_in = 0;
  std::deque<std::size_t> queue;  // transactions
  double retry_at_s = -1;
  std::vector<IdleSpan> leaks;
  sizing::PodCounters counters;

  int idle() const { return static_cast<int>(idle_since_s.size()); }
  int held() const { return idle() + active + logging_in; }
  /// A server may be opened for the queue now.
  bool may_log_in(double now_s) const {
    return !queue.empty() && logging_in == 0 && idle() + active < size && now_s >= retry_at_s;
  }
  /// Closes idle servers that are too many, longest idle first.
  void trim();
  /// Closes servers that were idle for too long.
  void expire(double now_s, double idle_timeout_s);
  /// Largest size that it runs or was told to run.
  int ceiling() const;
  /// Adds a finished transaction to the counters.
  void count(const Transaction& transaction, double now_s);
  sizing::PodObservation observe(double now_s, double oldest_arrival_s) const;
};

}  // namespace poolwright::simulate

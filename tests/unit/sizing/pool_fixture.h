// Builders for the tests of the sizing: one PgBouncer whose counters follow a
// given steady load, and pools of them.
#pragma once

#include <string>

#include "sizing/server_sizer.h"

namespace poolwright::sizing {

/// Mean servers busy and clients waiting during one second, and transactions
/// per second.
struct Load {
  double busy = 0;
  int waiting = 0;
  double transactions = 100;
};

/// A pod that reports `load` second by second. Counters include waiting, as
/// PgBouncer's do.
class FakePod {
 public:
  explicit FakePod(std::string name, int size) : name_(std::move(name)), size_(size) {}

  void set_size(int size) { size_ = size; }

  PodInput after_second(double now_s, const Load& load) {
    counters_.xact_count += load.transactions;
    counters_.wait_time_us += load.waiting * 1e6;
    counters_.xact_time_us += (load.busy + load.waiting) * 1e6;
    counters_.query_time_us += (load.busy + load.waiting) * 1e6;
    PodObservation seen;
    seen.time_s = now_s;
    seen.counters = counters_;
    seen.gauges.sv_active = static_cast<int>(load.busy + 0.5);
    seen.gauges.sv_idle = std::max(0, size_ - seen.gauges.sv_active);
    seen.gauges.cl_waiting = load.waiting;
    seen.pool_size = size_;
    return {.name = name_, .observation = seen, .ceiling = size_};
  }

  void restart() { counters_ = {}; }

 private:
  std::string name_;
  int size_;
  PodCounters counters_;
};

/// One pool on one pod, with limits that do not matter unless a test sets them.
inline PoolInput pool_of(const std::string& id, int size, PodInput pod) {
  PoolInput pool;
  pool.id = id;
  pool.limits = {.min = 1, .max = 200, .initial = 10, .reserve_per_pod = 0};
  pool.size = size;
  pool.pod_inputs = {std::move(pod)};
  return pool;
}

/// A server with one pool whose size follows the decisions at once.
class OnePool {
 public:
  explicit OnePool(int size, Parameters parameters = {}) : size_(size), sizer_(parameters), pod_("pod", size) {}

  /// One more second of `load`; what the decision was.
  PoolDecision second(const Load& load) {
    now_s_ += 1.0;
    return decide(pod_.after_second(now_s_, load));
  }

  PoolDecision decide(PodInput pod) {
    PoolInput pool = pool_of("a", size_, std::move(pod));
    pool.limits = limits;
    pool.policy = policy;
    pool.leaked = leaked;
    const ServerDecision decision = sizer_.decide({.time_s = now_s_, .budget = budget, .pools = {pool}});
    size_ = decision.pools.at(0).size;
    pod_.set_size(size_);
    return decision.pools.at(0);
  }

  PoolDecision seconds(int count, const Load& load) {
    PoolDecision last;
    for (int i = 0; i < count; ++i) last = second(load);
    return last;
  }

  void skip(double seconds) { now_s_ += seconds; }
  double now_s() const { return now_s_; }
  int size() const { return size_; }
  FakePod& pod() { return pod_; }
  const ServerSizer& sizer() const { return sizer_; }

  SizeLimits limits{.min = 1, .max = 200, .initial = 10, .reserve_per_pod = 0};
  PoolPolicy policy;
  int leaked = 0;
  int budget = 1000;

 private:
  double now_s_ = 0;
  int size_;
  ServerSizer sizer_;
  FakePod pod_;
};

}  // namespace poolwright::sizing

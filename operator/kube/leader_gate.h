// May this process write? Every external effect asks here first, and cuts its deadline to what is left.
// This is not fencing: a process that is suspended between asking and sending can still send one stale request. The
// margin between the gate's end (10 s) and the lease's (15 s) is for that request's own time. Thread rule: any thread;
// one owner (the elector) opens and closes.
#pragma once

#include <atomic>

#include "base/deadline.h"
#include "base/result.h"

namespace poolwright::kube {

class LeaderGate {
 public:
  /// Closed. The clock outlives the gate.
  explicit LeaderGate(const Clock& clock) : clock_(clock) {}

  bool may_write() const { return clock_.now() < end(); }
  MonotonicTime end() const { return MonotonicTime{std::chrono::nanoseconds{end_.load()}}; }

  /// The limits, cut to the time that is left. Unavailable where the gate is closed.
  Result<CallLimits> admit(const CallLimits& limits) const;

  void open_until(MonotonicTime end) { end_ = end.time_since_epoch().count(); }
  /// For a process that needs no election.
  void open_for_ever() { open_until(MonotonicTime::max()); }
  void close() { open_until(MonotonicTime::min()); }

 private:
  const Clock& clock_;
  std::atomic<std::chrono::nanoseconds::rep> end_{MonotonicTime::min().time_since_epoch().count()};
};

}  // namespace poolwright::kube

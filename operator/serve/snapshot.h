// What the web thread reads: one immutable snapshot at a time, published by whoever owns the monitor.
// Thread rule: Source may be called from any thread; a snapshot never changes.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "health/monitor.h"
#include "serve/operator_counters.h"

namespace poolwright::serve {

/// A part of the operator that must work before it is ready: "caches synced", "lease".
struct ReadinessCheck {
  std::string name;
  bool is_ready = false;
  std::string detail;  // what is missing, "" when ready
};

/// A thread of the operator, and when it was last seen to move on.
struct Heartbeat {
  std::string thread;
  MonotonicTime moved_at{};
};

struct Snapshot {
  MonotonicTime taken_at{};                      // by the thread that publishes, which is alive then
  std::shared_ptr<const health::Report> report;  // null: nothing was observed yet
  OperatorCounters counters;
  std::vector<ReadinessCheck> readiness;  // ready when all are
  std::vector<Heartbeat> heartbeats;      // of the other threads, at that time
};

class Source {
 public:
  virtual ~Source() = default;
  /// Never null.
  virtual std::shared_ptr<const Snapshot> snapshot() const = 0;
};

/// The newest snapshot that was put in.
class Mailbox final : public Source {
 public:
  void publish(std::shared_ptr<const Snapshot> snapshot);
  std::shared_ptr<const Snapshot> snapshot() const override;

 private:
  mutable Mutex mutex_;
  std::shared_ptr<const Snapshot> newest_ PW_GUARDED_BY(mutex_) = std::make_shared<const Snapshot>();
};

}  // namespace poolwright::serve

// Events for people (`kubectl describe`), best effort: a note never waits, never fails and never floods.
// Thread rule: note() from any thread; sending is on the recorder's own thread.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "api/object_store.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "kube/client.h"
#include "kube/leader_gate.h"

namespace poolwright::kube {

class EventAggregator;

struct EventCounts {
  std::uint64_t sent = 0;
  std::uint64_t dropped = 0;  // queue full, too many for one object, or not leader
  std::uint64_t failed = 0;
};

class EventRecorder {
 public:
  /// Notes that wait to be sent; more are dropped and counted.
  static constexpr std::size_t kQueueMax = 256;

  struct Parts {
    Client& client;
    const LeaderGate& gate;
    const Clock& clock;
    std::string instance;  // which process says it: the pod's name
  };

  explicit EventRecorder(Parts parts);
  ~EventRecorder();
  EventRecorder(const EventRecorder&) = delete;
  EventRecorder& operator=(const EventRecorder&) = delete;

  void note(const api::EventNote& event);
  EventCounts counts() const;

  void start();
  /// What waits is dropped.
  void stop();

  /// Sends what is due, without waiting for more; for the own thread and for simulations. Gives how many were sent.
  std::size_t flush(const std::stop_token& stop);

 private:
  void run(const std::stop_token& stop);

  Parts parts_;
  mutable Mutex mutex_;
  ConditionVariable changed_;
  std::unique_ptr<EventAggregator> aggregator_ PW_GUARDED_BY(mutex_);
  std::vector<api::Json> outbox_ PW_GUARDED_BY(mutex_);
  EventCounts counts_ PW_GUARDED_BY(mutex_);
  std::jthread thread_;
};

}  // namespace poolwright::kube

// Waits by moving the clock: a test of retries and renewals takes no time.
// Thread rule: one thread at a time.
#pragma once

#include <vector>

#include "fakes/manual_clock.h"
#include "kube/waiter.h"

namespace poolwright {

class ManualWaiter final : public kube::Waiter {
 public:
  explicit ManualWaiter(ManualClock& clock) : clock_(clock) {}

  bool wait(Duration time, const std::stop_token& stop) override {
    if (stop.stop_requested()) return false;
    waits_.push_back(time);
    clock_.advance(time);
    return true;
  }
  const std::vector<Duration>& waits() const { return waits_; }

 private:
  ManualClock& clock_;
  std::vector<Duration> waits_;
};

}  // namespace poolwright

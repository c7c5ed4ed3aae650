// Waiting as a parameter: the real one sleeps, that of a test moves its clock.
#pragma once

#include <stop_token>

#include "base/clock.h"

namespace poolwright::kube {

class Waiter {
 public:
  virtual ~Waiter() = default;
  /// False where `stop` ended the wait early.
  virtual bool wait(Duration time, const std::stop_token& stop) = 0;
};

/// Thread rule: any thread.
class ThreadWaiter final : public Waiter {
 public:
  bool wait(Duration time, const std::stop_token& stop) override;
};

}  // namespace poolwright::kube

// A clock that stands still until a test moves it. Monotonic and wall time advance together.
// Thread rule: any thread.
#pragma once

#include <atomic>

#include "base/clock.h"

namespace poolwright {

class ManualClock final : public Clock {
 public:
  MonotonicTime now() const override { return MonotonicTime{offset()}; }
  WallTime wall_now() const override { return WallTime{std::chrono::hours{24 * 365 * 50}} + offset(); }
  void advance(std::chrono::nanoseconds step) { nanoseconds_ += step.count(); }

 private:
  std::chrono::nanoseconds offset() const { return std::chrono::nanoseconds{nanoseconds_.load()}; }

  std::atomic<std::chrono::nanoseconds::rep> nanoseconds_{0};
};

}  // namespace poolwright

// When something last happened, told by the thread that does it and read by others: how one sees that a thread is
// stuck. Thread rule: any thread. The clock outlives it.
#pragma once

#include <atomic>

#include "base/clock.h"

namespace poolwright {

class Pulse {
 public:
  /// Begins as if it had happened now, so that nobody is late before the first time.
  explicit Pulse(const Clock& clock) : clock_(clock), at_(clock.now().time_since_epoch().count()) {}

  void beat() { at_ = clock_.now().time_since_epoch().count(); }
  MonotonicTime at() const { return MonotonicTime{MonotonicTime::duration{at_.load()}}; }

 private:
  const Clock& clock_;
  std::atomic<MonotonicTime::rep> at_;
};

}  // namespace poolwright

// A point in time after which an operation gives up, and the token by which it is told to stop earlier.
// There is no default: a call that may wait cannot be written without saying for how long.
#pragma once

#include <algorithm>
#include <stop_token>

#include "base/clock.h"

namespace poolwright {

class Deadline {
 public:
  /// `limit` from the clock's present; the clock must outlive the deadline.
  Deadline(const Clock& clock, Duration limit) : clock_(&clock), end_(clock.now() + limit) {}

  /// Time left, never negative.
  Duration left() const { return std::max(Duration{0}, std::chrono::duration_cast<Duration>(end_ - clock_->now())); }
  bool passed() const { return clock_->now() >= end_; }
  MonotonicTime end() const { return end_; }

  /// The earlier of this deadline and `limit` from now.
  Deadline at_most(Duration limit) const {
    Deadline cut(*clock_, limit);
    cut.end_ = std::min(cut.end_, end_);
    return cut;
  }

 private:
  const Clock* clock_;
  MonotonicTime end_;
};

/// How long a call may take and who can end it.
struct CallLimits {
  Deadline deadline;
  std::stop_token stop;
};

}  // namespace poolwright

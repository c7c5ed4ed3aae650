// A result that another thread will bring: how a worker waits for something that the I/O thread does.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "base/deadline.h"
#include "base/mutex.h"
#include "base/result.h"

namespace poolwright::postgres {

/// Thread rule: any thread. Shared by the one who waits and the callback, so a callback that comes too late is
/// harmless.
template <typename T>
class Pending {
 public:
  /// The first result counts.
  void set(Result<T> result) PW_EXCLUDES(mutex_) {
    {
      MutexLock lock(mutex_);
      if (!result_) result_ = std::move(result);
    }
    changed_.notify_all();
  }

  /// The result; kDeadlineExceeded or kCancelled, naming `what`, if it does not come before the limits end. Never to be
  /// called on the thread that brings the result.
  Result<T> wait(const CallLimits& limits, const std::string& what) PW_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    while (!result_) {
      if (limits.stop.stop_requested()) return make_error(ErrorKind::kCancelled, what + ": asked to stop");
      if (limits.deadline.passed()) return make_error(ErrorKind::kDeadlineExceeded, what + ": no answer in time");
      changed_.wait_for(mutex_, limits.stop, limits.deadline.left(),
                        [this]() PW_REQUIRES(mutex_) { return result_.has_value(); });
    }
    return *std::exchange(result_, std::nullopt);
  }

 private:
  Mutex mutex_;
  ConditionVariable changed_;
  std::optional<Result<T>> result_ PW_GUARDED_BY(mutex_);
};

}  // namespace poolwright::postgres

#include "base/retry.h"

#include <algorithm>

#include "base/check.h"

namespace poolwright {

RetryClass retry_class(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kThrottled:
      return RetryClass::kWait;
    case ErrorKind::kConflict:
    case ErrorKind::kAlreadyExists:
    case ErrorKind::kGone:
      return RetryClass::kRecompute;
    case ErrorKind::kUnauthorized:
      return RetryClass::kReload;
    case ErrorKind::kForbidden:
    case ErrorKind::kInvalid:
    case ErrorKind::kNotFound:
      return RetryClass::kNever;
    case ErrorKind::kCancelled:
      return RetryClass::kStop;
    case ErrorKind::kUnavailable:
    case ErrorKind::kDeadlineExceeded:
    case ErrorKind::kProtocol:
    case ErrorKind::kInternal:
      return RetryClass::kBackoff;
  }
  return RetryClass::kBackoff;
}

Duration backoff_delay(const Backoff& backoff, int failures, Random& random) {
  PW_CHECK(failures >= 1);
  const int doublings = std::min(failures - 1, 40);
  const double whole = std::min(static_cast<double>(backoff.first.count()) * static_cast<double>(1ULL << doublings),
                                static_cast<double>(backoff.cap.count()));
  return Duration{static_cast<Duration::rep>(whole * (1.0 - 0.5 * random.next_fraction()))};
}

Duration requeue_delay(const Error& error, int failures, Random& random) {
  constexpr Duration kLongestWait = std::chrono::seconds{60};
  constexpr Duration kSlow = std::chrono::minutes{5};
  if (error.retry_after) return std::min(*error.retry_after, kLongestWait);
  if (retry_class(error.kind) == RetryClass::kNever) return kSlow;
  return backoff_delay(Backoff{}, failures, random);
}

}  // namespace poolwright

#include "base/retry.h"

#include <gtest/gtest.h>

#include "base/result.h"

namespace poolwright {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

TEST(Retry, EveryKindHasItsClass) {
  struct Case {
    ErrorKind kind;
    RetryClass want;
  };
  for (const Case& c :
       {Case{ErrorKind::kThrottled, RetryClass::kWait}, Case{ErrorKind::kConflict, RetryClass::kRecompute},
        Case{ErrorKind::kGone, RetryClass::kRecompute}, Case{ErrorKind::kAlreadyExists, RetryClass::kRecompute},
        Case{ErrorKind::kUnauthorized, RetryClass::kReload}, Case{ErrorKind::kForbidden, RetryClass::kNever},
        Case{ErrorKind::kInvalid, RetryClass::kNever}, Case{ErrorKind::kNotFound, RetryClass::kNever},
        Case{ErrorKind::kCancelled, RetryClass::kStop}, Case{ErrorKind::kUnavailable, RetryClass::kBackoff},
        Case{ErrorKind::kDeadlineExceeded, RetryClass::kBackoff}, Case{ErrorKind::kProtocol, RetryClass::kBackoff},
        Case{ErrorKind::kInternal, RetryClass::kBackoff}}) {
    EXPECT_EQ(retry_class(c.kind), c.want) << to_string(c.kind);
  }
}

TEST(Retry, BackoffDoublesUpToItsCapAndLosesAtMostHalfToJitter) {
  const auto random = make_seeded_random(1);
  const Backoff backoff{.first = Duration{100}, .cap = Duration{1500}};
  for (int failures = 1; failures <= 60; ++failures) {
    const double whole = std::min(100.0 * static_cast<double>(1ULL << std::min(failures - 1, 40)), 1500.0);
    const auto delay = static_cast<double>(backoff_delay(backoff, failures, *random).count());
    EXPECT_LE(delay, whole) << failures;
    EXPECT_GE(delay, whole * 0.5 - 1) << failures;
  }
}

TEST(Retry, JitterSpreadsThoseWhoFailedTogether) {
  const auto random = make_seeded_random(2);
  const Backoff backoff{.first = Duration{10'000}, .cap = Duration{10'000}};
  EXPECT_NE(backoff_delay(backoff, 1, *random), backoff_delay(backoff, 1, *random));
}

TEST(Retry, RequeueObeysRetryAfterAndIsSlowWhereNoRetryHelps) {
  const auto random = make_seeded_random(3);
  Error error = make_error(ErrorKind::kThrottled, "slow down");
  error.retry_after = seconds{7};
  EXPECT_EQ(requeue_delay(error, 1, *random), seconds{7});
  error.retry_after = minutes{10};
  EXPECT_EQ(requeue_delay(error, 1, *random), seconds{60});
  EXPECT_EQ(requeue_delay(make_error(ErrorKind::kForbidden, "no"), 1, *random), minutes{5});
  EXPECT_LE(requeue_delay(make_error(ErrorKind::kUnavailable, "down"), 1, *random), Duration{5});
  EXPECT_LE(requeue_delay(make_error(ErrorKind::kUnavailable, "down"), 100, *random), seconds{1000});
}

}  // namespace
}  // namespace poolwright

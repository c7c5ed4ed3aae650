#include "base/clock.h"

#include <gtest/gtest.h>

#include "base/deadline.h"
#include "fakes/manual_clock.h"

namespace poolwright {
namespace {

using std::chrono::seconds;

TEST(Clock, FormatsKubernetesTimes) {
  const WallTime time{std::chrono::microseconds{1'767'323'045'678'901}};
  EXPECT_EQ(format_rfc3339(time), "2026-01-02T03:04:05Z");
  EXPECT_EQ(format_rfc3339_micro(time), "2026-01-02T03:04:05.678901Z");
}

TEST(Deadline, PassesWithTheClockItWasGiven) {
  ManualClock clock;
  const Deadline deadline(clock, seconds{10});
  EXPECT_EQ(deadline.left(), seconds{10});
  clock.advance(seconds{4});
  EXPECT_EQ(deadline.at_most(seconds{3}).left(), seconds{3});
  EXPECT_EQ(deadline.at_most(seconds{60}).left(), seconds{6});
  EXPECT_FALSE(deadline.passed());
  clock.advance(seconds{6});
  EXPECT_TRUE(deadline.passed());
  clock.advance(seconds{1});
  EXPECT_EQ(deadline.left(), seconds{0});
}

}  // namespace
}  // namespace poolwright

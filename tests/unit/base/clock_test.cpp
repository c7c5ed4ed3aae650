#include "base/clock.h"

#include <gtest/gtest.h>

#include "base/deadline.h"
#include "base/rfc3339.h"
#include "fakes/manual_clock.h"

namespace poolwright {
namespace {

using std::chrono::seconds;

TEST(Clock, FormatsKubernetesTimes) {
  const WallTime time{std::chrono::microseconds{1'767'323'045'678'901}};
  EXPECT_EQ(format_rfc3339(time), "2026-01-02T03:04:05Z");
  EXPECT_EQ(format_rfc3339_micro(time), "2026-01-02T03:04:05.678901Z");
}

TEST(Clock, ReadsTimesOfPeopleAndKubernetes) {
  const WallTime time{std::chrono::microseconds{1'767'323'045'678'901}};
  EXPECT_EQ(parse_rfc3339(format_rfc3339_micro(time)), time);
  EXPECT_EQ(format_rfc3339(*parse_rfc3339("2026-01-02T05:04:05+02:00")), "2026-01-02T03:04:05Z");
  EXPECT_EQ(format_rfc3339(*parse_rfc3339("2024-02-29T23:59:59.5-00:30")), "2024-03-01T00:29:59Z");
  for (const char* text :
       {"", "now", "2026-01-02", "2026-01-02T03:04:05", "2026-02-30T00:00:00Z", "2026-01-02T24:00:00Z",
        "2026-01-02T03:04:05.Z", "2026-01-02T03:04:05Zx", "2026-01-02 03:04:05Z", "9999-01-01T00:00:00Z",
        "2026-01-02T03:04:05+2:00", "-026-01-02T03:04:05Z"}) {
    EXPECT_FALSE(parse_rfc3339(text)) << text;
  }
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

#include "run/failovers.h"

#include <gtest/gtest.h>

#include "base/rfc3339.h"

namespace poolwright::run {
namespace {

using std::chrono::seconds;

const WallTime kNow = *parse_rfc3339("2026-01-02T03:04:05Z");
constexpr std::int64_t kStart = 1'767'300'000'000'000;  // microseconds
constexpr std::int64_t kSecond = 1'000'000;
const std::string kServer = "orders-db:5432";

postgres::ServerObservation seen(std::int64_t started_at_us, bool is_standby = false) {
  postgres::ServerObservation observation;
  observation.is_connected = true;
  observation.observed_at = MonotonicTime{};
  observation.facts.started_at_us = started_at_us;
  observation.facts.is_in_recovery = is_standby;
  return observation;
}

ServerViews view(postgres::ServerObservation observation) {
  return {{kServer, std::make_shared<const postgres::ServerObservation>(std::move(observation))}};
}

TEST(Failovers, AServerServesSinceItsStart) {
  Failovers failovers;
  EXPECT_FALSE(failovers.serving_since(kServer));
  EXPECT_EQ(failovers.update(view(seen(kStart + 7)), kNow).count(kServer), 1U);
  EXPECT_EQ(failovers.serving_since(kServer), WallTime{std::chrono::microseconds{kStart}}) << "in whole seconds";
  EXPECT_TRUE(failovers.update(view(seen(kStart + 7)), kNow + seconds{1}).empty()) << "nothing is new";
}

TEST(Failovers, AnotherServerOrRoleServesSinceItWasFound) {
  struct Case {
    const char* what;
    postgres::ServerObservation before;
    postgres::ServerObservation after;
  };
  const Case cases[] = {
      {"started anew", seen(kStart), seen(kStart + 900 * kSecond)},
      {"a standby that started long ago", seen(kStart), seen(kStart - 86'400 * kSecond)},
      {"another of the same second", seen(kStart), seen(kStart + 1)},
      {"promoted in its place", seen(kStart, true), seen(kStart)},
  };
  for (const Case& one : cases) {
    Failovers failovers;
    failovers.update(view(one.before), kNow - seconds{60});
    EXPECT_EQ(failovers.update(view(one.after), kNow).count(kServer), 1U) << one.what;
    EXPECT_EQ(failovers.serving_since(kServer), kNow) << one.what;
  }
}

TEST(Failovers, AServerThatDoesNotAnswerStaysWhatItWas) {
  Failovers failovers;
  failovers.update(view(seen(kStart)), kNow);
  postgres::ServerObservation lost = seen(0);
  lost.is_connected = false;
  lost.error = make_error(ErrorKind::kUnavailable, "the database system is starting up");
  EXPECT_TRUE(failovers.update(view(lost), kNow).empty());
  EXPECT_EQ(failovers.serving_since(kServer), WallTime{std::chrono::microseconds{kStart}});
  EXPECT_TRUE(failovers.update({}, kNow).empty());
  EXPECT_FALSE(failovers.serving_since(kServer)) << "no pool is on it any more";
}

}  // namespace
}  // namespace poolwright::run

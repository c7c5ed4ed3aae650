#include "sizing/server_sizer.h"

#include <gtest/gtest.h>

#include "unit/sizing/pool_fixture.h"

namespace poolwright::sizing {
namespace {

TEST(ServerSizer, GrowsInTheSecondAfterClientsWait) {
  OnePool server(10);
  server.seconds(5, {.busy = 4});
  const PoolDecision decision = server.second({.busy = 10, .waiting = 60, .transactions = 200});
  EXPECT_GT(decision.size, 10);
  EXPECT_LE(decision.size, 80) << "one step is at most eightfold";
}

TEST(ServerSizer, DoesNothingWhenTheRatioIsWithinTheTolerance) {
  OnePool server(14);
  for (int i = 0; i < 400; ++i) {
    const PoolDecision decision = server.second({.busy = 8.3 + 0.4 * (i % 2), .transactions = 300});
    ASSERT_EQ(decision.size, 14) << "second " << i << ": " << why(decision.why);
  }
}

TEST(ServerSizer, ShrinksOnlyAfterTheWindowAndInSteps) {
  OnePool server(100);
  for (int i = 0; i < 119; ++i) ASSERT_EQ(server.second({.busy = 2}).size, 100) << i;
  int before = 100;
  double last_step_s = -100;
  for (int i = 0; i < 400; ++i) {
    const int size = server.second({.busy = 2}).size;
    if (size == before) continue;
    EXPECT_GE(size, before * 0.75 - 1e-9);
    EXPECT_GE(server.now_s() - last_step_s, 15.0);
    last_step_s = server.now_s();
    before = size;
  }
  EXPECT_LE(before, 7);
}

TEST(ServerSizer, RemembersABurst) {
  OnePool server(10);
  server.seconds(5, {.busy = 4});
  server.seconds(30, {.busy = 40, .waiting = 0, .transactions = 400});
  const int peak = server.size();
  EXPECT_GE(peak, 40);
  server.seconds(60, {.busy = 4});
  EXPECT_EQ(server.size(), peak);
  EXPECT_EQ(server.second({.busy = 4}).why.reason, Reason::kMemory);
}

TEST(ServerSizer, DoubtNeverShrinks) {
  OnePool server(50);
  server.seconds(110, {.busy = 2});
  for (int i = 0; i < 600; ++i) {
    server.skip(1.0);
    const PoolDecision decision = server.decide({.name = "pod", .observation = std::nullopt, .ceiling = 0});
    ASSERT_EQ(decision.size, 50);
    if (i > 3) {
      ASSERT_EQ(decision.why.reason, Reason::kDoubt);
    }
  }
  for (int i = 0; i < 30; ++i) ASSERT_EQ(server.second({.busy = 2}).size, 50) << "the window must be seen again first";
}

TEST(ServerSizer, LimitsAndTheBudgetAreKept) {
  OnePool server(10);
  server.limits = {.min = 4, .max = 20, .initial = 10, .reserve_per_pod = 0};
  server.seconds(60, {.busy = 10, .waiting = 500, .transactions = 100});
  EXPECT_EQ(server.size(), 20);
  server.budget = 15;
  server.seconds(3, {.busy = 10, .waiting = 500, .transactions = 100});
  EXPECT_EQ(server.size(), 15);
  server.limits.max = 8;
  server.seconds(3, {.busy = 8, .waiting = 500, .transactions = 100});
  EXPECT_EQ(server.size(), 8);
}

TEST(ServerSizer, FixedAndRecommendDoNotFollowTheDemand) {
  ServerSizer sizer({});
  FakePod pod("pod", 10);
  int size = 10;
  PoolDecision last;
  for (int t = 1; t < 40; ++t) {
    PoolInput pool = pool_of("a", size, pod.after_second(t, {.busy = 10, .waiting = 100}));
    pool.mode = t < 20 ? SizingMode::kRecommend : SizingMode::kFixed;
    pool.limits.initial = 12;
    last = sizer.decide({.time_s = static_cast<double>(t), .budget = 100, .pools = {pool}}).pools.at(0);
    size = last.size;
    pod.set_size(size);
    ASSERT_EQ(size, t < 20 ? 10 : 12);
  }
  EXPECT_GT(last.recommended, 12);
  EXPECT_EQ(last.why.reason, Reason::kFixed);
}

TEST(ServerSizer, LeaksAreCompensatedUpToHalfOfTheMaximum) {
  OnePool server(10);
  server.limits = {.min = 1, .max = 40, .initial = 10, .reserve_per_pod = 0};
  server.seconds(5, {.busy = 3});
  server.leaked = 100;
  const PoolDecision decision = server.seconds(10, {.busy = 3});
  EXPECT_EQ(decision.why.leak_compensation, 20);
  EXPECT_LT(decision.why.load, 3.1);
}

TEST(ServerSizer, NewPodsWaitUntilTheBudgetHasRoom) {
  ServerSizer sizer({});
  FakePod pod("pod", 20);
  PoolDecision decision;
  for (int t = 1; t < 10; ++t) {
    PoolInput pool = pool_of("a", 20, pod.after_second(t, {.busy = 15}));
    pool.pods = t < 5 ? 1 : 3;
    decision = sizer.decide({.time_s = static_cast<double>(t), .budget = 30, .pools = {pool}}).pools.at(0);
    if (t < 5) {
      EXPECT_EQ(decision.pods_affordable, 1);
    }
  }
  EXPECT_EQ(decision.pods_affordable, 1) << "three pods of 20 do not fit 30";
  EXPECT_LE(decision.size * 3, 30) << "so the size shrinks first";
}

TEST(ServerSizer, MinimumsThatDoNotFitAreReported) {
  ServerSizer sizer({});
  FakePod one("one", 1);
  FakePod two("two", 1);
  ServerInput input{.time_s = 1, .budget = 5, .pools = {}};
  input.pools.push_back(pool_of("a", 1, one.after_second(1, {})));
  input.pools.push_back(pool_of("b", 1, two.after_second(1, {})));
  for (PoolInput& pool : input.pools) pool.limits.min = 4;
  ServerDecision decision = sizer.decide(input);
  EXPECT_TRUE(decision.is_budget_exceeded);
  EXPECT_LE(decision.committed_after, 5);
  EXPECT_TRUE(decision.pools.at(0).is_admitted);
  input.time_s = 2;
  input.budget = 1;
  decision = sizer.decide(input);
  EXPECT_FALSE(decision.pools.at(0).is_admitted && decision.pools.at(1).is_admitted);
  for (const PoolDecision& pool : decision.pools) EXPECT_GE(pool.size, 1) << "0 would mean unlimited";
}

TEST(Explanation, TellsTheNumbers) {
  OnePool server(10);
  server.seconds(5, {.busy = 4});
  const PoolDecision decision = server.second({.busy = 10, .waiting = 60, .transactions = 200});
  const std::string sentence = why(decision.why);
  EXPECT_NE(sentence.find("60 clients waiting"), std::string::npos) << sentence;
  EXPECT_NE(sentence.find("70 % utilization"), std::string::npos) << sentence;
  EXPECT_FALSE(what_would_change(decision.why).empty());
}

}  // namespace
}  // namespace poolwright::sizing

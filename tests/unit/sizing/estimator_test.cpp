#include "sizing/estimator.h"

#include <gtest/gtest.h>

#include <cmath>

#include "unit/sizing/pool_fixture.h"

namespace poolwright::sizing {
namespace {

class EstimatorTest : public ::testing::Test {
 protected:
  const Demand& see(PodInput pod) {
    estimator_.observe(now_s_, pool_of("a", 10, std::move(pod)));
    return estimator_.demand();
  }
  const Demand& second(const Load& load) {
    now_s_ += 1.0;
    return see(pod_.after_second(now_s_, load));
  }
  const Demand& seconds(int count, const Load& load) {
    for (int i = 1; i < count; ++i) second(load);
    return second(load);
  }

  double now_s_ = 100;
  FakePod pod_{"pod", 10};
  DemandEstimator estimator_{EstimatorParameters{}};
};

TEST_F(EstimatorTest, BusyServersAreTransactionTimeLessWaiting) {
  const Demand& demand = seconds(5, {.busy = 10, .waiting = 15, .transactions = 200});
  EXPECT_NEAR(demand.busy, 10, 1e-6);
  EXPECT_NEAR(demand.transactions, 200, 1e-6);
  EXPECT_NEAR(demand.service_s, 0.05, 1e-9);
  EXPECT_TRUE(demand.is_queueing);
  EXPECT_EQ(demand.doubt, Doubt::kNone);
  EXPECT_NEAR(demand.load, 10 + 15 * 0.05, 1e-6) << "waiting clients count by what they would keep busy";
}

TEST_F(EstimatorTest, WarmsUpBeforeItIsTrusted) {
  EXPECT_EQ(second({.busy = 3}).doubt, Doubt::kNoObservation);
  EXPECT_EQ(second({.busy = 3}).doubt, Doubt::kWarmingUp);
  EXPECT_EQ(second({.busy = 3}).doubt, Doubt::kNone);
}

TEST_F(EstimatorTest, WhileTheQueueGrowsTheNewestSecondCounts) {
  seconds(5, {.busy = 2, .transactions = 100});
  const Demand& burst = second({.busy = 10, .waiting = 50, .transactions = 200});
  EXPECT_NEAR(burst.busy, (2 + 2 + 10) / 3.0, 1e-6);
  EXPECT_GE(burst.load, 10) << "every server is occupied";
  EXPECT_NEAR(seconds(4, {.busy = 2, .transactions = 100}).load, 2, 1e-6);
}

TEST_F(EstimatorTest, OneLongCommitIsCappedByWhatThePodHolds) {
  seconds(5, {.busy = 2});
  now_s_ += 1.0;
  PodInput pod = pod_.after_second(now_s_, {.busy = 5000});
  pod.observation->gauges = {.sv_active = 2, .sv_idle = 8};
  EXPECT_NEAR(see(pod).busy, (2 + 2 + 10) / 3.0, 1e-6);
}

TEST_F(EstimatorTest, OpenLongTransactionsAreSeenInTheGauges) {
  seconds(5, {.busy = 1});
  for (int i = 0; i < 5; ++i) {
    now_s_ += 1.0;
    PodInput pod = pod_.after_second(now_s_, {.busy = 0, .transactions = 0});
    pod.observation->gauges.sv_active = 9;
    see(pod);
  }
  EXPECT_NEAR(estimator_.demand().busy, 9, 1e-9);
}

TEST_F(EstimatorTest, LeakedSessionsAreNoDemand) {
  seconds(5, {.busy = 4});
  for (int i = 0; i < 5; ++i) {
    now_s_ += 1.0;
    PodInput pod = pod_.after_second(now_s_, {.busy = 4});
    pod.observation->gauges.sv_active = 10;
    PoolInput pool = pool_of("a", 10, pod);
    pool.leaked = 6;
    estimator_.observe(now_s_, pool);
  }
  EXPECT_NEAR(estimator_.demand().load, 4, 1e-6);
}

TEST_F(EstimatorTest, ARestartIsNoRate) {
  seconds(5, {.busy = 4});
  pod_.restart();
  const Demand& demand = second({.busy = 4});
  EXPECT_FALSE(demand.is_fresh);
  EXPECT_NEAR(demand.load, 4, 1e-6);
  EXPECT_NEAR(seconds(4, {.busy = 4}).load, 4, 1e-6);
}

TEST_F(EstimatorTest, NonsenseIsIgnored) {
  seconds(5, {.busy = 4});
  const auto check = [&](const char* what, const auto& spoil) {
    now_s_ += 1.0;
    PodInput pod = pod_.after_second(now_s_, {.busy = 4});
    spoil(*pod.observation);
    const Demand& demand = see(pod);
    EXPECT_FALSE(demand.is_fresh) << what;
    EXPECT_NEAR(demand.load, 4, 1e-6) << what;
    second({.busy = 4});
  };
  check("NaN counter", [](PodObservation& seen) { seen.counters.xact_time_us = std::nan(""); });
  check("negative counter", [](PodObservation& seen) { seen.counters.wait_time_us = -1; });
  check("infinite counter", [](PodObservation& seen) { seen.counters.xact_count = INFINITY; });
  check("negative gauge", [](PodObservation& seen) { seen.gauges.sv_idle = -1; });
  check("unlimited size", [](PodObservation& seen) { seen.pool_size = 0; });
  check("NaN time", [](PodObservation& seen) { seen.time_s = std::nan(""); });
  check("time to come", [](PodObservation& seen) { seen.time_s += 100; });
  check("older than the last", [](PodObservation& seen) { seen.time_s -= 1.5; });
}

TEST_F(EstimatorTest, ARepeatedObservationIsNoNews) {
  seconds(5, {.busy = 4});
  now_s_ += 1.0;
  const PodInput pod = pod_.after_second(now_s_, {.busy = 4});
  EXPECT_TRUE(see(pod).is_fresh);
  now_s_ += 1.0;
  EXPECT_FALSE(see(pod).is_fresh);
  EXPECT_EQ(estimator_.demand().doubt, Doubt::kNone) << "a second later nothing is doubtful yet";
  now_s_ += 5.0;
  see(pod);
  EXPECT_EQ(estimator_.demand().doubt, Doubt::kNoObservation);
}

TEST_F(EstimatorTest, ALongGapStartsAfresh) {
  seconds(5, {.busy = 4});
  now_s_ += 30.0;
  EXPECT_EQ(second({.busy = 8}).doubt, Doubt::kNoObservation);
  EXPECT_EQ(second({.busy = 8}).doubt, Doubt::kWarmingUp);
  EXPECT_EQ(second({.busy = 8}).doubt, Doubt::kNone);
  EXPECT_NEAR(estimator_.demand().busy, 8, 1e-6) << "samples from before the gap do not count";
}

TEST_F(EstimatorTest, PausedAndStalledPoolsAreDoubtful) {
  seconds(5, {.busy = 4});
  now_s_ += 1.0;
  PodInput paused = pod_.after_second(now_s_, {.busy = 0, .waiting = 50, .transactions = 0});
  paused.observation->is_paused = true;
  EXPECT_EQ(see(paused).doubt, Doubt::kPaused);
  for (int i = 0; i < 4; ++i) {
    now_s_ += 1.0;
    PodInput away = pod_.after_second(now_s_, {.busy = 0, .waiting = 50, .transactions = 0});
    away.observation->gauges = {.sv_login = 1, .cl_waiting = 50};
    see(away);
  }
  EXPECT_EQ(estimator_.demand().doubt, Doubt::kStalled);
}

TEST_F(EstimatorTest, AMissingPodIsDoubtfulUntilTheFastWindowIsWhole) {
  FakePod other("other", 10);
  const auto both = [&](bool is_seen) {
    now_s_ += 1.0;
    PoolInput pool = pool_of("a", 10, pod_.after_second(now_s_, {.busy = 4}));
    PodInput second_pod = other.after_second(now_s_, {.busy = 4});
    if (!is_seen) second_pod.observation.reset();
    pool.pod_inputs.push_back(second_pod);
    estimator_.observe(now_s_, pool);
    return estimator_.demand().doubt;
  };
  for (int i = 0; i < 5; ++i) both(true);
  EXPECT_EQ(estimator_.demand().doubt, Doubt::kNone);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(both(false), Doubt::kNone) << "rates are good for three seconds";
  EXPECT_EQ(both(false), Doubt::kPodMissing);
  EXPECT_EQ(both(true), Doubt::kPodMissing);
  for (int i = 0; i < 3; ++i) both(true);
  EXPECT_EQ(estimator_.demand().doubt, Doubt::kNone);
}

TEST_F(EstimatorTest, TimeBetweenStatementsIsNotTheServers) {
  for (int i = 1; i <= 20; ++i) {
    now_s_ += 1.0;
    PodInput pod = pod_.after_second(now_s_, {.busy = 8});
    pod.observation->counters.query_time_us = i * 2e6;
    see(pod);
  }
  EXPECT_NEAR(estimator_.demand().statement_share, 0.25, 0.02);
}

}  // namespace
}  // namespace poolwright::sizing

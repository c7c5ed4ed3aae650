#include "health/utilization.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "unit/health/examples.h"

namespace poolwright::health {
namespace {

using examples::at;

/// A transaction that has a server connection from begin to end, after waiting for `waited` seconds.
struct Transaction {
  double begin = 0;
  double end = 0;
  double waited = 0;
};

/// What a PgBouncer would tell of these transactions: counters move when waits and transactions end, gauges show now.
BusySample told_at(double now, const std::vector<Transaction>& transactions, std::int64_t pool_size) {
  BusySample sample{.time = at(now), .held = pool_size};
  for (const Transaction& one : transactions) {
    if (one.begin <= now) sample.wait_time_us += static_cast<std::int64_t>(std::llround(one.waited * 1e6));
    if (one.end <= now) {
      ++sample.xact_count;
      sample.xact_time_us += static_cast<std::int64_t>(std::llround((one.end - one.begin + one.waited) * 1e6));
    }
    if (one.begin <= now && now < one.end) ++sample.active;
  }
  sample.occupied = sample.active;
  return sample;
}

double truth(const std::vector<Transaction>& transactions, double from, double to) {
  double busy = 0;
  for (const Transaction& one : transactions) busy += std::max(0.0, std::min(one.end, to) - std::max(one.begin, from));
  return busy / (to - from);
}

BusyWindow watched(const std::vector<Transaction>& transactions, std::int64_t pool_size, double until, double offset) {
  BusyWindow window;
  for (double now = offset; now <= until; now += 1) window.observe(told_at(now, transactions, pool_size));
  return window;
}

/// `width` connections that are each taken for `busy` of every `period` seconds, all at the same time.
std::vector<Transaction> bursts(int width, double busy, double period, double until) {
  std::vector<Transaction> transactions;
  for (double begin = 0; begin < until; begin += period) {
    for (int i = 0; i < width; ++i) transactions.push_back({.begin = begin, .end = begin + busy});
  }
  return transactions;
}

TEST(BusyWindow, NothingIsKnownBeforeTheFirstStep) {
  BusyWindow window;
  EXPECT_FALSE(window.busy());
  window.observe({.time = at(1), .active = 5, .occupied = 5, .held = 5});
  EXPECT_FALSE(window.busy());
  window.observe({.time = at(2), .active = 5, .occupied = 5, .held = 5});
  EXPECT_TRUE(window.busy());
}

TEST(BusyWindow, BurstsThatTheGaugeMissesAreSeen) {
  const auto load = bursts(20, 0.05, 1, 20);
  const BusyWindow window = watched(load, 20, 19, 0.5);
  EXPECT_DOUBLE_EQ(*window.by_gauges(), 0);
  EXPECT_NEAR(*window.busy(), 1.0, 0.01);
}

TEST(BusyWindow, BurstsThatTheGaugeAlwaysHitsAreNotTakenForLoad) {
  // Polled a little out of step, as pollers do: the gauge shows 20 in two of three answers.
  const auto load = bursts(20, 0.05, 1, 40);
  BusyWindow window;
  for (int i = 0; i < 30; ++i) window.observe(told_at(i + (i % 3 == 0 ? 0.06 : 0.02), load, 20));
  EXPECT_NEAR(*window.busy(), 1.0, 0.5);
}

TEST(BusyWindow, OpenTransactionsAmongShortOnesAreSeen) {
  auto load = bursts(10, 0.01, 0.02, 20);
  for (int i = 0; i < 10; ++i) load.push_back({.begin = 0, .end = 1000});
  EXPECT_NEAR(*watched(load, 25, 15, 0.005).busy(), 15, 5.1);
  EXPECT_GE(*watched(load, 25, 15, 0.005).busy(), 10) << "those that never end are not forgotten";
}

TEST(BusyWindow, OpenTransactionsAreSeenThoughNoCounterMoves) {
  std::vector<Transaction> load;
  for (int i = 0; i < 20; ++i) load.push_back({.begin = 0.1, .end = 1000});
  const BusyWindow window = watched(load, 25, 5, 0);
  EXPECT_DOUBLE_EQ(*window.busy(), 20);
}

TEST(BusyWindow, TheSpikeAtTheEndOfLongTransactionsIsCapped) {
  std::vector<Transaction> load;
  for (int i = 0; i < 10; ++i) load.push_back({.begin = 0, .end = 8.5});
  for (double now = 1; now < 12; now += 1) {
    const BusyWindow window = watched(load, 10, now, 0);
    EXPECT_LE(*window.busy(), 10.0) << "at " << now;
  }
}

TEST(BusyWindow, LongTransactionsAreHalfOpenInEveryStep) {
  // 10 connections, each a transaction of 3 s after the other, out of step: always 10 busy.
  std::vector<Transaction> load;
  for (int i = 0; i < 10; ++i) {
    for (double begin = -0.3 * i; begin < 40; begin += 3) load.push_back({.begin = begin, .end = begin + 3});
  }
  for (double until = 6; until < 36; until += 1) {
    EXPECT_DOUBLE_EQ(*watched(load, 10, until, 0.2).busy(), 10) << "at " << until;
  }
}

TEST(BusyWindow, WaitingIsNotBusy) {
  // Four connections, always busy; every transaction waited as long as it ran, over a step's border.
  std::vector<Transaction> load;
  for (int i = 0; i < 4; ++i) {
    for (double begin = 0.1 * i; begin < 30; begin += 0.4) {
      load.push_back({.begin = begin, .end = begin + 0.4, .waited = 0.4});
    }
  }
  EXPECT_NEAR(*watched(load, 4, 20, 0.05).busy(), 4, 0.2);
}

TEST(BusyWindow, AWaitWhoseTransactionNeverEndsIsForgotten) {
  BusyWindow window;
  window.observe({.time = at(0), .held = 10});
  window.observe({.time = at(1), .wait_time_us = 3'600'000'000, .held = 10});
  BusySample sample{.time = at(1), .wait_time_us = 3'600'000'000, .held = 10};
  for (int i = 0; i < 10; ++i) {
    sample.time += std::chrono::seconds(1);
    sample.xact_count += 100;
    sample.xact_time_us += 5'000'000;
    window.observe(sample);
  }
  EXPECT_NEAR(*window.busy(), 5, 0.01);
}

struct Odd {
  const char* what;
  BusySample second;
  bool is_known;
};

TEST(BusyWindow, DoubtfulSamples) {
  const BusySample first{.time = at(10), .xact_count = 100, .xact_time_us = 1000000, .wait_time_us = 1000, .held = 5};
  const Odd cases[] = {
      {"the same time again",
       {.time = at(10), .xact_count = 200, .xact_time_us = 2000000, .wait_time_us = 1000},
       false},
      {"an earlier time", {.time = at(9), .xact_count = 200, .xact_time_us = 2000000, .wait_time_us = 1000}, false},
      {"restarted: count", {.time = at(11), .xact_count = 3, .xact_time_us = 2000000, .wait_time_us = 1000}, false},
      {"restarted: time", {.time = at(11), .xact_count = 200, .xact_time_us = 5, .wait_time_us = 1000}, false},
      {"restarted: wait", {.time = at(11), .xact_count = 200, .xact_time_us = 2000000, .wait_time_us = 0}, false},
      {"after a long gap", {.time = at(200), .xact_count = 200, .xact_time_us = 2000000, .wait_time_us = 1000}, false},
      {"plain", {.time = at(11), .xact_count = 200, .xact_time_us = 2000000, .wait_time_us = 1000}, true},
  };
  for (const Odd& one : cases) {
    BusyWindow window;
    window.observe(first);
    window.observe(one.second);
    EXPECT_EQ(window.busy().has_value(), one.is_known) << one.what;
  }
}

TEST(BusyWindow, OnlyTheLastSecondsCount) {
  BusyWindow window;
  BusySample sample{.time = at(0), .active = 9, .occupied = 9, .held = 10};
  for (int i = 0; i < 10; ++i) {
    window.observe(sample);
    sample.time += std::chrono::seconds(1);
  }
  sample.active = sample.occupied = 2;
  for (int i = 0; i < 4; ++i) {
    window.observe(sample);
    sample.time += std::chrono::seconds(1);
  }
  EXPECT_DOUBLE_EQ(*window.busy(), 2);
}

TEST(BusySamples, RowsOfTheDatabaseAreAddedUp) {
  PodObservation pod = examples::pod("p", 7, 3);
  pod.pools.push_back({.database = "orders", .user = "other", .sv_active = 2, .sv_used = 4, .sv_login = 1});
  pod.pools.push_back({.database = "elsewhere", .sv_active = 50});
  const std::optional<BusySample> sample = busy_sample(pod, "orders");
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample->active, 5);
  EXPECT_EQ(sample->occupied, 6);
  EXPECT_EQ(sample->held, 25 + 7);
  EXPECT_EQ(sample->xact_count, 1000);
  EXPECT_EQ(sample->time, at(7));
}

TEST(BusySamples, ImpossibleOrMissingAnswersAreNone) {
  PodObservation pod = examples::pod("p", 7, 3);
  pod.stats[0].xact_count = -1;
  EXPECT_FALSE(busy_sample(pod, "orders"));
  pod = examples::pod("p", 7, 3);
  pod.observed_at.reset();
  EXPECT_FALSE(busy_sample(pod, "orders"));
  EXPECT_EQ(busy_sample(examples::pod("p", 7, 3), "unknown")->held, 0);
}

/// Random loads, polled each second with jitter: the estimate against the truth, and against a gauge read once.
TEST(BusyWindow, IsNearTheTruthUnderRandomLoad) {
  double ours = 0;
  double gauge = 0;
  for (std::uint32_t seed = 1; seed <= 60; ++seed) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<double> jitter(-0.1, 0.1);
    std::exponential_distribution<double> length(1 / std::uniform_real_distribution<double>(0.005, 0.5)(random));
    std::exponential_distribution<double> pause(1 / std::uniform_real_distribution<double>(0.005, 1.0)(random));
    std::vector<Transaction> load;
    for (int connection = 0; connection < 20; ++connection) {
      for (double now = pause(random); now < 30;) {
        const double end = now + length(random);
        load.push_back({.begin = now, .end = end});
        now = end + pause(random);
      }
    }
    BusyWindow window;
    for (double base = 1; base < 28; base += 1) {
      const double now = base + jitter(random);
      const BusySample sample = told_at(now, load, 20);
      window.observe(sample);
      if (base < 6) continue;
      const double is = truth(load, now - 3, now);
      ASSERT_TRUE(window.busy());
      EXPECT_NEAR(*window.busy(), is, 4.0) << "seed " << seed << " at " << now;
      ours += std::abs(*window.busy() - is);
      gauge += std::abs(static_cast<double>(sample.occupied) - is);
    }
  }
  EXPECT_LT(ours, gauge / 2) << "mean error " << ours / (60 * 22) << " of the estimate, " << gauge / (60 * 22)
                             << " of the gauge";
}

}  // namespace
}  // namespace poolwright::health

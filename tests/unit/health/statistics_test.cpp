#include "health/statistics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/health/examples.h"

namespace poolwright::health {
namespace {

using examples::at;
using examples::observations;
using testing::ElementsAre;

/// Statistics after the same thing was seen for `seconds`.
ConnectionPoolStats after(Observations (*make)(double), int seconds) {
  BusyBook book;
  ConnectionPoolStats stats;
  for (int second = 0; second <= seconds; ++second) {
    const Observations seen = make(second);
    book.observe(seen);
    stats = connection_pool_stats(seen, book);
  }
  return stats;
}

TEST(Statistics, AddUpOverPgbouncers) {
  const auto stats = after([](double s) { return observations(s, 20, 10); }, 5);
  ASSERT_EQ(stats.pools.size(), 1U);
  const PoolStatistics& pool = stats.pools[0];
  EXPECT_EQ(pool.pods, 2);
  EXPECT_EQ(pool.pods_up, 2);
  EXPECT_THAT(pool.versions, ElementsAre("1.26.1"));
  const ConnectionCounts& counts = pool.databases.at(0).connections;
  EXPECT_EQ(counts.active, 30);
  EXPECT_EQ(counts.idle, 20);
  EXPECT_EQ(counts.total, 50);
  EXPECT_EQ(counts.max, 50);
  EXPECT_EQ(counts.reserve, 10);
  EXPECT_EQ(counts.active_clients, 110);
  EXPECT_DOUBLE_EQ(counts.busy.value(), 30);
  EXPECT_DOUBLE_EQ(counts.utilization_percent.value(), 60);
  EXPECT_DOUBLE_EQ(pool.databases[0].pods.at(0).connections.utilization_percent.value(), 80);
  EXPECT_DOUBLE_EQ(pool.connections.utilization_percent.value(), 60);
}

TEST(Statistics, UtilizationIsUnknownUntilTwoAnswers) {
  const auto stats = after([](double s) { return observations(s, 20, 10); }, 0);
  EXPECT_FALSE(stats.pools.at(0).connections.utilization_percent);
  EXPECT_EQ(stats.pools[0].connections.active, 30);
}

TEST(Statistics, AReserveInUseIsTold100Percent) {
  const auto stats = after(
      [](double s) {
        Observations seen = observations(s, 25, 25);
        for (PodObservation& pod : seen.pools[0].pods) {
          pod.pools[0].sv_active = 30;
          pod.pools[0].sv_idle = 0;
        }
        return seen;
      },
      5);
  EXPECT_DOUBLE_EQ(stats.pools.at(0).connections.busy.value(), 60);
  EXPECT_DOUBLE_EQ(stats.pools[0].connections.utilization_percent.value(), 100);
}

TEST(Statistics, TheCapOfTheDatabaseLimitsWhatMayBeOpened) {
  const auto stats = after(
      [](double s) {
        Observations seen = observations(s, 8, 8);
        for (PodObservation& pod : seen.pools[0].pods) pod.databases[0].max_connections = 10;
        return seen;
      },
      5);
  EXPECT_EQ(stats.pools.at(0).connections.max, 20);
  EXPECT_DOUBLE_EQ(stats.pools[0].connections.utilization_percent.value(), 80);
}

TEST(Statistics, APgbouncerThatDoesNotAnswerCountsOnNeitherSide) {
  const auto stats = after(
      [](double s) {
        Observations seen = observations(s, 20, 5);
        seen.pools[0].pods[1].problem = "connection refused";
        return seen;
      },
      5);
  const PoolStatistics& pool = stats.pools.at(0);
  EXPECT_EQ(pool.pods_up, 1);
  EXPECT_EQ(pool.connections.max, 25);
  EXPECT_DOUBLE_EQ(pool.connections.utilization_percent.value(), 80);
  EXPECT_FALSE(pool.databases[0].pods[1].is_up);
}

TEST(Statistics, ATerminatingPgbouncerIsCountedButIsNoRoom) {
  const auto stats = after(
      [](double s) {
        Observations seen = observations(s, 20, 5);
        seen.pools[0].pods[1].is_terminating = true;
        return seen;
      },
      5);
  EXPECT_EQ(stats.pools.at(0).connections.active, 25);
  EXPECT_EQ(stats.pools[0].connections.max, 25);
  EXPECT_DOUBLE_EQ(stats.pools[0].connections.utilization_percent.value(), 80);
}

TEST(Statistics, UnlimitedOrUnknownRoomHasNoUtilization) {
  const auto stats = after(
      [](double s) {
        Observations seen = observations(s, 20, 5);
        for (PodObservation& pod : seen.pools[0].pods) pod.databases.clear();
        return seen;
      },
      5);
  EXPECT_FALSE(stats.pools.at(0).connections.utilization_percent);
  EXPECT_DOUBLE_EQ(stats.pools[0].connections.busy.value(), 25);
}

TEST(Statistics, TheBusiestDatabaseSpeaksForThePool) {
  const auto stats = after(
      [](double s) {
        Observations seen = observations(s, 5, 5);
        seen.pools[0].databases.push_back({.name = "billing", .server = "orders-db.shop.svc:5432"});
        PodObservation& pod = seen.pools[0].pods[0];
        pod.pools.push_back({.database = "billing", .sv_active = 9, .maxwait_s = 1.5});
        pod.databases.push_back({.name = "billing", .pool_size = 10});
        return seen;
      },
      5);
  const PoolStatistics& pool = stats.pools.at(0);
  EXPECT_EQ(pool.databases.at(0).name, "billing");
  EXPECT_DOUBLE_EQ(pool.connections.utilization_percent.value(), 90);
  EXPECT_EQ(pool.connections.max, 60);
  EXPECT_DOUBLE_EQ(pool.connections.longest_wait_s, 1.5);
}

TEST(Statistics, AreSortedWhateverTheOrder) {
  Observations seen = observations(1);
  seen.pools.push_back(seen.pools[0]);
  seen.pools[1].namespace_name = "alpha";
  seen.pools.push_back(seen.pools[0]);
  seen.pools[2].name = "a-first";
  std::swap(seen.pools[0].pods[0], seen.pools[0].pods[1]);
  const auto stats = connection_pool_stats(seen, BusyBook{});
  EXPECT_EQ(stats.pools[0].namespace_name, "alpha");
  EXPECT_EQ(stats.pools[1].name, "a-first");
  EXPECT_EQ(stats.pools[2].databases[0].pods[0].name, "orders-pool-0");
}

TEST(BusyBook, ForgetsPgbouncersThatAreGone) {
  BusyBook book;
  Observations seen = observations(1, 3, 3);
  book.observe(seen);
  EXPECT_NE(book.find(seen.pools[0], "orders-pool-1", "orders"), nullptr);
  seen.pools[0].pods.pop_back();
  book.observe(seen);
  EXPECT_EQ(book.find(seen.pools[0], "orders-pool-1", "orders"), nullptr);
  EXPECT_NE(book.find(seen.pools[0], "orders-pool-0", "orders"), nullptr);
}

struct Overload {
  const char* what;
  std::optional<double> utilization;
  std::int64_t active;
  std::int64_t waiting;
  bool is_overloaded;
};

TEST(Overload, IsWhenClientsAreHeldUp) {
  const Overload cases[] = {
      {"calm", 40, 10, 0, false},
      {"just below", 89.9, 22, 0, false},
      {"at the critical limit", 90, 22, 0, true},
      {"everything is taken and clients wait", 70, 25, 3, true},
      {"everything is taken, nobody waits", 70, 25, 0, false},
      {"clients wait while connections are opened", 30, 10, 3, false},
      {"unknown", std::nullopt, 10, 0, false},
  };
  for (const Overload& one : cases) {
    PoolStatistics pool;
    pool.databases.push_back(
        {.connections = {
             .active = one.active, .max = 25, .waiting = one.waiting, .utilization_percent = one.utilization}});
    EXPECT_EQ(is_connection_pool_overloaded(pool), one.is_overloaded) << one.what;
  }
}

}  // namespace
}  // namespace poolwright::health

#include "health/monitor.h"

#include <gtest/gtest.h>

#include "unit/health/examples.h"

namespace poolwright::health {
namespace {

using examples::observations;

const DatabaseKey kOrders{"shop", "orders", "orders"};

TEST(Monitor, RemembersAnHourInStepsOfTenSeconds) {
  Monitor monitor;
  std::shared_ptr<const Report> report;
  for (int second = 0; second <= 25; ++second) report = monitor.update(observations(second, 20, 20));
  const History& history = *report->history.at(kOrders);
  ASSERT_EQ(history.size(), 2U);
  EXPECT_EQ(history[0].unix_s, 1700000010);
  EXPECT_EQ(history[1].unix_s, 1700000020);
  EXPECT_FLOAT_EQ(history[1].utilization_percent.value(), 80);
  EXPECT_EQ(history[1].size, 50);
}

TEST(Monitor, KeepsNoMoreThanTheHour) {
  Monitor monitor;
  std::shared_ptr<const Report> report;
  for (int step = 0; step < 400; ++step) report = monitor.update(observations(step * 10.0));
  const History& history = *report->history.at(kOrders);
  ASSERT_EQ(history.size(), kHistoryPoints);
  EXPECT_EQ(history.back().unix_s - history.front().unix_s, 3590);
}

TEST(Monitor, TheLongestQueueOfAStepIsKept) {
  Monitor monitor;
  std::shared_ptr<const Report> report;
  for (int second = 0; second <= 10; ++second) {
    Observations all = observations(second);
    if (second == 4) all.pools[0].pods[0].pools[0].cl_waiting = 7;
    report = monitor.update(std::move(all));
  }
  EXPECT_EQ(report->history.at(kOrders)->at(0).waiting_max, 7);
}

TEST(Monitor, WhatIsUnknownIsAGapInTheHistory) {
  Monitor monitor;
  std::shared_ptr<const Report> report;
  for (int second = 0; second <= 10; ++second) {
    Observations all = observations(second, 20, 20);
    for (PodObservation& pod : all.pools[0].pods) pod.problem = "refused";
    report = monitor.update(std::move(all));
  }
  EXPECT_FALSE(report->history.at(kOrders)->at(0).utilization_percent);
}

TEST(Monitor, ForgetsPoolsThatAreGone) {
  Monitor monitor;
  static_cast<void>(monitor.update(observations(0)));
  Observations all = observations(1);
  all.pools.clear();
  EXPECT_TRUE(monitor.update(std::move(all))->history.empty());
}

TEST(Monitor, AReportDoesNotChangeLater) {
  Monitor monitor;
  const auto early = monitor.update(observations(0, 20, 20));
  for (int second = 1; second <= 30; ++second) static_cast<void>(monitor.update(observations(second, 25, 25)));
  EXPECT_TRUE(early->history.at(kOrders)->empty());
  EXPECT_TRUE(early->alerts.empty());
  EXPECT_EQ(early->stats.pools.at(0).connections.active, 40);
}

TEST(Monitor, KeepsTheNewestDecisionsNewestFirst) {
  Monitor monitor;
  std::shared_ptr<const Report> report;
  for (std::int64_t i = 0; i < 300; ++i) {
    Observations all = observations(static_cast<double>(i));
    all.decisions.push_back({.namespace_name = "shop", .pool = "orders", .database = "orders", .size = i});
    report = monitor.update(std::move(all));
  }
  ASSERT_EQ(report->decisions.size(), kDecisionsKept);
  EXPECT_EQ(report->decisions.front().size, 299);
  EXPECT_EQ(report->decisions.back().size, 100);
}

}  // namespace
}  // namespace poolwright::health

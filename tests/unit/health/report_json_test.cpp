#include "health/report_json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "unit/health/examples.h"

namespace poolwright::health {
namespace {

using examples::observations;
using nlohmann::json;

/// Two pools in two namespaces on two servers; the first is busy, the second's PgBouncer is down.
Observations two_pools(double second) {
  Observations all = observations(second, 25, 25);
  Observations other = observations(second, 0, 0);
  PoolObservation& pool = other.pools[0];
  pool.namespace_name = "bank";
  pool.name = "ledger";
  pool.databases[0].server = "ledger-db:5432";
  pool.pods.resize(1);
  pool.pods[0].problem = "refused";
  ServerObservation& server = other.servers[0];
  server.id = "ledger-db:5432";
  server.is_saturated = true;
  server.shares[0] = {.namespace_name = "bank", .pool = "ledger", .database = "orders", .committed = 10, .held = 3};
  all.pools.push_back(pool);
  all.servers.push_back(server);
  all.decisions.push_back({.time = all.wall_now,
                           .namespace_name = "shop",
                           .pool = "orders",
                           .database = "orders",
                           .size_before = 40,
                           .size = 50,
                           .reason = "Demand",
                           .text = "It grew."});
  return all;
}

const Report& report() {
  static const std::shared_ptr<const Report> kReport = [] {
    Monitor monitor;
    std::shared_ptr<const Report> newest;
    for (int second = 100; second <= 130; ++second) newest = monitor.update(two_pools(second));
    return newest;
  }();
  return *kReport;
}

TEST(ReportJson, Pools) {
  const json all = pool_json(report(), {});
  ASSERT_EQ(all["pools"].size(), 2U);
  const json& pool = all["pools"][1];
  EXPECT_EQ(pool["namespace"], "shop");
  EXPECT_EQ(pool["connections"]["utilizationPercent"], 100.0);
  EXPECT_EQ(pool["overloaded"], true);
  EXPECT_EQ(pool["databases"][0]["pods"][0]["pgbouncerVersion"], "1.26.1");
  EXPECT_EQ(pool["databases"][0]["recommendedSize"], nullptr);
  EXPECT_EQ(all["pools"][0]["connections"]["utilizationPercent"], nullptr) << "unknown is null";
}

TEST(ReportJson, PoolsFiltered) {
  EXPECT_EQ(pool_json(report(), {.namespace_name = "bank"})["pools"].size(), 1U);
  EXPECT_EQ(pool_json(report(), {.pool = "orders"})["pools"][0]["name"], "orders");
  EXPECT_EQ(pool_json(report(), {.namespace_name = "bank", .pool = "orders"})["pools"].size(), 0U);
}

TEST(ReportJson, Health) {
  const json all = health_json(report(), {});
  EXPECT_EQ(all["status"], "down");
  EXPECT_EQ(all["databases"].size(), 2U);
  EXPECT_EQ(all["pgbouncers"].size(), 3U);
  EXPECT_EQ(all["redis"].size(), 0U);
  const json bank = health_json(report(), {.namespace_name = "bank"});
  EXPECT_EQ(bank["databases"].size(), 1U);
  EXPECT_EQ(bank["databases"][0]["server"], "ledger-db:5432");
  EXPECT_EQ(bank["pgbouncers"][0]["problem"], "refused");
}

TEST(ReportJson, AlertsFiltered) {
  const auto names = [](const Filter& filter) {
    std::string text;
    const json answer = alerts_json(report(), filter);
    for (const json& alert : answer["alerts"]) text += alert["alert"].get<std::string>() + " ";
    return text;
  };
  EXPECT_EQ(names({}), "PoolUtilizationHigh PgbouncerDown DatabaseSaturated ");
  EXPECT_EQ(names({.severity = Severity::kWarning}), "DatabaseSaturated ");
  EXPECT_EQ(names({.namespace_name = "shop"}), "PoolUtilizationHigh ");
  EXPECT_EQ(names({.pool = "ledger"}), "PgbouncerDown DatabaseSaturated ") << "a server's alert concerns its pools";
  EXPECT_EQ(names({.namespace_name = "nowhere"}), "");
}

TEST(ReportJson, AnAlertTellsEverything) {
  const json alert = alerts_json(report(), {.namespace_name = "shop"})["alerts"][0];
  EXPECT_EQ(alert["severity"], "critical");
  EXPECT_EQ(alert["database"], "orders");
  EXPECT_EQ(alert["pod"], nullptr);
  EXPECT_EQ(alert["value"], 100.0);
  EXPECT_EQ(alert["limit"], 90.0);
  EXPECT_EQ(alert["message"], "50 of 50 connections are busy (100 %), 0 clients wait.");
  EXPECT_EQ(alert["runbook"], "docs/runbooks/PoolUtilizationHigh.md");
}

TEST(ReportJson, BudgetsDecisionsAndHistory) {
  const json budgets = budgets_json(report(), {.namespace_name = "shop"});
  ASSERT_EQ(budgets["servers"].size(), 1U);
  EXPECT_EQ(budgets["servers"][0]["budget"], 87);
  EXPECT_EQ(budgets["servers"][0]["committed"], 60);
  EXPECT_EQ(budgets["servers"][0]["shares"][0]["held"], 50);

  const json decisions = decisions_json(report(), {.namespace_name = "shop"});
  EXPECT_EQ(decisions["decisions"].size(), 31U);
  EXPECT_EQ(decisions["decisions"][0]["sizeBefore"], 40);
  EXPECT_EQ(decisions_json(report(), {.namespace_name = "bank"})["decisions"].size(), 0U);

  const json history = history_json(report(), {.pool = "orders", .database = "orders"});
  ASSERT_EQ(history["series"].size(), 1U);
  EXPECT_EQ(history["stepSeconds"], 10);
  EXPECT_EQ(history["series"][0]["time"].size(), 3U);
  EXPECT_EQ(history["series"][0]["utilizationPercent"][0], 100.0);
}

}  // namespace
}  // namespace poolwright::health

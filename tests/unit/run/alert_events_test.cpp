#include "run/alert_events.h"

#include <gtest/gtest.h>

namespace poolwright::run {
namespace {

using health::AlertKind;

health::Alert alert(AlertKind kind, const std::string& pod) {
  return {.subject = {.kind = kind, .namespace_name = "shop", .pool = "orders", .pod = pod},
          .severity = health::Severity::kCritical,
          .message = "PgBouncer does not answer."};
}

KnownPools pools() {
  const api::Json object = {{"metadata", {{"namespace", "shop"}, {"name", "orders"}, {"uid", "u"}}}};
  return {{"shop/orders", {.object = std::make_shared<const api::Json>(object)}}};
}

TEST(AlertEvents, TenPodsAreOneEventAndItsEndIsAnother) {
  AlertEvents events;
  health::Report report;
  for (int i = 0; i < 10; ++i) report.alerts.push_back(alert(AlertKind::kPgbouncerDown, "p" + std::to_string(i)));
  const auto begun = events.update(report, pools());
  ASSERT_EQ(begun.size(), 1U);
  EXPECT_TRUE(begun[0].warning);
  EXPECT_EQ(begun[0].reason, "PgbouncerDown");
  EXPECT_EQ(begun[0].message, "p0: PgBouncer does not answer. The same for 9 more.");
  EXPECT_TRUE(events.update(report, pools()).empty()) << "told once";

  report.alerts.resize(1);
  EXPECT_TRUE(events.update(report, pools()).empty()) << "one is still down";
  report.alerts.clear();
  const auto ended = events.update(report, pools());
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_FALSE(ended[0].warning);
  EXPECT_EQ(ended[0].reason, "PgbouncerRecovered");
  EXPECT_TRUE(events.update(report, pools()).empty());
}

TEST(AlertEvents, AServerIsTheMatterOfEveryPoolOnIt) {
  AlertEvents events;
  health::Report report;
  report.stats.pools = {
      {.namespace_name = "shop", .name = "orders", .databases = {{.name = "app", .server = "db:5432"}}},
      {.namespace_name = "shop", .name = "other", .databases = {{.name = "app", .server = "x:5432"}}}};
  report.alerts = {{.subject = {.kind = AlertKind::kPostgresDown, .server = "db:5432"}, .message = "away"}};
  const auto begun = events.update(report, pools());
  ASSERT_EQ(begun.size(), 1U);
  EXPECT_EQ(begun[0].reason, "PostgresDown");
  EXPECT_EQ(begun[0].regarding.at("metadata").at("name"), "orders");
}

TEST(AlertEvents, WhatChangesEachMinuteIsNoEvent) {
  AlertEvents events;
  health::Report report;
  report.alerts = {alert(AlertKind::kPoolUtilizationHigh, "")};
  EXPECT_TRUE(events.update(report, pools()).empty());
}

}  // namespace
}  // namespace poolwright::run

#include "sizing/budget.h"

#include <gtest/gtest.h>

#include "sizing/leaks.h"
#include "sizing/setting_ledger.h"

namespace poolwright::sizing {
namespace {

TEST(Budget, IsWhatTheServerLeaves) {
  const ServerCapacity capacity{.max_connections = 100, .superuser_reserved = 3, .reserved = 2, .foreign_sessions = 10};
  const Budget budget = derive_budget({.max = std::nullopt, .reserved = 5}, capacity);
  EXPECT_EQ(budget.connections, 75);
  EXPECT_EQ(budget.source, BudgetSource::kServer);
  EXPECT_EQ(budget.arithmetic,
            "100 max_connections - 3 for superusers - 2 in "
            "reserved_connections - 5 reserved by the resource - 10 of "
            "other clients - 5 headroom = 75");
}

TEST(Budget, TheSmallerOfServerAndDeclarationCounts) {
  const ServerCapacity capacity{.max_connections = 100, .superuser_reserved = 3};
  EXPECT_EQ(derive_budget({.max = 40}, capacity).connections, 40);
  EXPECT_EQ(derive_budget({.max = 400}, capacity).connections, 92);
  EXPECT_EQ(derive_budget({.max = 40, .reserved = 10}, std::nullopt).connections, 30);
}

TEST(Budget, IsASafeDefaultWithoutAnyInformationAndNeverNegative) {
  EXPECT_EQ(derive_budget({}, std::nullopt).connections, kDefaultBudget);
  EXPECT_EQ(derive_budget({}, std::nullopt).source, BudgetSource::kDefault);
  EXPECT_EQ(derive_budget({}, ServerCapacity{.max_connections = 5, .foreign_sessions = 50}).connections, 0);
}

TEST(ForeignSessions, KeepsTheHighestOfTheWindow) {
  ForeignSessions sessions;
  EXPECT_EQ(sessions.add(0, 5), 5);
  EXPECT_EQ(sessions.add(10, 20), 20);
  EXPECT_EQ(sessions.add(20, 3), 20);
  EXPECT_EQ(sessions.add(309, 4), 20);
  EXPECT_EQ(sessions.add(311, 1), 4);
}

TEST(Leaks, AreIdleTransactionsOverTheAge) {
  const std::vector<Session> sessions = {
      {.pid = 1, .application_name = "api", .state = "idle in transaction", .state_age_s = 40},
      {.pid = 2, .state = "idle in transaction", .state_age_s = 20},
      {.pid = 3, .state = "active", .state_age_s = 500},
      {.pid = 4, .state = "idle in transaction (aborted)", .state_age_s = 90}};
  const LeakPolicy policy{.age_s = 30, .terminate_after_s = 60};
  const LeakReport report = find_leaks(sessions, policy);
  EXPECT_EQ(report.count, 2);
  ASSERT_EQ(report.overdue.size(), 1U);
  EXPECT_EQ(report.overdue[0].pid, 4);
  EXPECT_EQ(describe(report, policy),
            "2 transactions idle for more than 30 s, "
            "oldest 90 s: pid 4, pid 1 (api)");
  EXPECT_TRUE(find_leaks(sessions, {.age_s = 30}).overdue.empty()) << "off by default";
}

TEST(SettingLedger, CountsSettingsUntilTheyCannotComeTrue) {
  SettingLedger ledger;
  const std::vector<std::string> pods = {"a", "b"};
  ledger.issue(1, 10);
  ledger.issue(2, 40);
  ledger.issue(3, 10);
  EXPECT_EQ(ledger.ceiling("a"), 40);
  ledger.confirm("a", 1);
  ledger.retain(pods);
  EXPECT_EQ(ledger.ceiling("a"), 40) << "10 is confirmed, but it is the old 10";
  ledger.confirm("a", 3);
  EXPECT_EQ(ledger.ceiling("a"), 10);
  EXPECT_EQ(ledger.ceiling("b"), 40);
  ledger.confirm("b", 3);
  ledger.retain(pods);
  EXPECT_EQ(ledger.ceiling("new"), 10);
}

TEST(SettingLedger, StaysSafeBeyondItsLimit) {
  SettingLedger ledger;
  for (int i = 1; i <= 1000; ++i) ledger.issue(i, i == 2 ? 99 : 1);
  EXPECT_EQ(ledger.ceiling("pod"), 99);
}

}  // namespace
}  // namespace poolwright::sizing

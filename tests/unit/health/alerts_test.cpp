#include "health/alerts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "unit/health/examples.h"

namespace poolwright::health {
namespace {

using examples::at;
using examples::observations;
using examples::wall;

/// Everything that is remembered from second to second.
class Watch {
 public:
  std::vector<Alert> see(const Observations& all) {
    busy_.observe(all);
    return connection_pool_alerts(all, connection_pool_stats(all, busy_), book_);
  }

 private:
  BusyBook busy_;
  AlertBook book_;
};

const Alert* find(const std::vector<Alert>& alerts, AlertKind kind) {
  for (const Alert& alert : alerts) {
    if (alert.subject.kind == kind) return &alert;
  }
  return nullptr;
}

std::string told(const std::vector<Alert>& alerts, AlertKind kind) {
  const Alert* alert = find(alerts, kind);
  return alert == nullptr ? "nothing" : std::string(to_string(alert->severity));
}

/// One pool of 100 connections on one PgBouncer with `active` of them in open transactions.
Observations hundred(double seconds, std::int64_t active) {
  Observations all = observations(seconds, active, 0);
  all.pools[0].pods.pop_back();
  all.pools[0].pods[0].databases[0].pool_size = 100;
  all.pools[0].pods[0].databases[0].max_connections = 0;
  all.pools[0].pods[0].pools[0].sv_idle = 100 - active;
  return all;
}

struct Level {
  int busy;
  const char* severity;
};

TEST(Alerts, UtilizationIsToldExactlyAtItsLimitsWithinEightSeconds) {
  const Level cases[] = {{50, "nothing"}, {79, "nothing"},  {80, "warning"},
                         {89, "warning"}, {90, "critical"}, {100, "critical"}};
  for (const Level& one : cases) {
    Watch watch;
    for (int second = 0; second < 20; ++second) watch.see(hundred(second, 0));
    std::vector<Alert> alerts;
    int raised_at = -1;
    for (int second = 20; second < 60; ++second) {
      alerts = watch.see(hundred(second, one.busy));
      if (raised_at < 0 && told(alerts, AlertKind::kPoolUtilizationHigh) == one.severity) raised_at = second;
    }
    EXPECT_EQ(told(alerts, AlertKind::kPoolUtilizationHigh), one.severity) << one.busy << " % busy";
    // The load began after second 19 at the earliest.
    EXPECT_LE(raised_at, 27) << one.busy << " % busy";
  }
}

TEST(Alerts, UtilizationIsClearedFivePointsLowerAfterAMinute) {
  Watch watch;
  int second = 0;
  const auto stay = [&](int busy, int seconds) {
    std::vector<Alert> alerts;
    for (int i = 0; i < seconds; ++i) alerts = watch.see(hundred(second++, busy));
    return told(alerts, AlertKind::kPoolUtilizationHigh);
  };
  EXPECT_EQ(stay(92, 20), "critical");
  EXPECT_EQ(stay(86, 300), "critical") << "within the margin it stays";
  EXPECT_EQ(stay(84, 50), "critical") << "not yet for a minute";
  EXPECT_EQ(stay(84, 30), "warning");
  EXPECT_EQ(stay(76, 300), "warning");
  EXPECT_EQ(stay(74, 50), "warning");
  EXPECT_EQ(stay(78, 10), "warning") << "the minute begins anew";
  EXPECT_EQ(stay(74, 50), "warning");
  EXPECT_EQ(stay(74, 30), "nothing");
}

TEST(Alerts, AShortPeakIsNotTold) {
  Watch watch;
  for (int second = 0; second < 120; ++second) {
    const auto alerts = watch.see(hundred(second, second % 10 < 4 ? 100 : 10));
    EXPECT_EQ(told(alerts, AlertKind::kPoolUtilizationHigh), "nothing") << "at " << second;
  }
}

TEST(Alerts, AnOscillatingLoadRingsOnce) {
  Watch watch;
  std::set<WallTime> raised;
  for (int second = 0; second < 900; ++second) {
    const auto alerts = watch.see(hundred(second, (second / 30) % 2 == 0 ? 95 : 60));
    const Alert* alert = find(alerts, AlertKind::kPoolUtilizationHigh);
    if (alert != nullptr) raised.insert(alert->since);
  }
  EXPECT_EQ(raised.size(), 1U);
}

TEST(Alerts, LimitsAreThePools) {
  Watch watch;
  std::vector<Alert> alerts;
  for (int second = 0; second < 20; ++second) {
    Observations all = hundred(second, 60);
    all.pools[0].thresholds = {.warning_percent = 50, .critical_percent = 60};
    alerts = watch.see(all);
  }
  EXPECT_EQ(told(alerts, AlertKind::kPoolUtilizationHigh), "critical");
  EXPECT_DOUBLE_EQ(find(alerts, AlertKind::kPoolUtilizationHigh)->limit.value(), 60);
}

TEST(Alerts, WhatIsUnknownStaysAsItWas) {
  Watch watch;
  for (int second = 0; second < 20; ++second) watch.see(hundred(second, 95));
  std::vector<Alert> alerts;
  for (int second = 20; second < 200; ++second) {
    Observations all = hundred(second, 0);
    all.pools[0].pods[0].problem = "timeout";
    alerts = watch.see(all);
  }
  EXPECT_EQ(told(alerts, AlertKind::kPoolUtilizationHigh), "critical");
  EXPECT_EQ(told(alerts, AlertKind::kPgbouncerDown), "critical");
}

TEST(Alerts, APoolThatIsGoneHasNone) {
  Watch watch;
  for (int second = 0; second < 20; ++second) watch.see(hundred(second, 95));
  Observations all = hundred(20, 95);
  all.pools.clear();
  EXPECT_TRUE(watch.see(all).empty());
}

struct Matter {
  const char* what;
  std::function<void(Observations&)> change;
  AlertKind kind;
  const char* severity;  // of that kind, when it has held for two minutes
  int seconds_max;       // until it is raised
};

void redis(Observations& all, bool is_connected) {
  all.pools[0].redis = RedisObservation{.is_connected = is_connected, .problem = is_connected ? "" : "refused"};
}

const Matter kMatters[] = {
    {"PgBouncer does not answer", [](Observations& all) { all.pools[0].pods[1].problem = "refused"; },
     AlertKind::kPgbouncerDown, "critical", 6},
    {"PgBouncer goes away",
     [](Observations& all) {
       all.pools[0].pods[1].problem = "refused";
       all.pools[0].pods[1].is_terminating = true;
     },
     AlertKind::kPgbouncerDown, "nothing", 0},
    {"PgBouncer starts",
     [](Observations& all) {
       all.pools[0].pods[1].observed_at.reset();
       all.pools[0].pods[1].first_seen = all.now;
     },
     AlertKind::kPgbouncerDown, "nothing", 0},
    {"PgBouncer waits at its gate",
     [](Observations& all) {
       all.pools[0].pods[1].observed_at.reset();
       all.pools[0].pods[1].is_at_gate = true;
     },
     AlertKind::kPgbouncerDown, "nothing", 0},
    {"PostgreSQL does not answer",
     [](Observations& all) {
       all.servers[0].is_reachable = false;
       all.servers[0].problem = "timeout";
     },
     AlertKind::kPostgresDown, "critical", 6},
    {"PostgreSQL was not asked yet", [](Observations& all) { all.servers[0].is_reachable = false; },
     AlertKind::kPostgresDown, "nothing", 0},
    {"Redis does not answer", [](Observations& all) { redis(all, false); }, AlertKind::kRedisDown, "warning", 6},
    {"Redis answers", [](Observations& all) { redis(all, true); }, AlertKind::kRedisDown, "nothing", 0},
    {"Redis is not configured", [](Observations&) {}, AlertKind::kRedisDown, "nothing", 0},
    {"sessions leak", [](Observations& all) { all.pools[0].databases[0].leak.sessions = 3; },
     AlertKind::kConnectionLeakSuspected, "warning", 1},
    {"the server is saturated", [](Observations& all) { all.servers[0].is_saturated = true; },
     AlertKind::kDatabaseSaturated, "warning", 11},
    {"79 % of the budget", [](Observations& all) { all.servers[0].shares[0].committed = 68; },
     AlertKind::kBudgetNearlyUsed, "nothing", 0},
    {"80 % of the budget", [](Observations& all) { all.servers[0].shares[0].committed = 70; },
     AlertKind::kBudgetNearlyUsed, "warning", 31},
    {"90 % of the budget", [](Observations& all) { all.servers[0].shares[0].committed = 79; },
     AlertKind::kBudgetNearlyUsed, "critical", 11},
    {"the budget is unknown", [](Observations& all) { all.servers[0].budget = 0; }, AlertKind::kBudgetNearlyUsed,
     "nothing", 0},
    {"another configuration runs", [](Observations& all) { all.pools[0].pods[0].config_hash = "old"; },
     AlertKind::kConfigNotApplied, "warning", 31},
    {"the configuration is not known yet", [](Observations& all) { all.pools[0].pods[0].config_hash.clear(); },
     AlertKind::kConfigNotApplied, "nothing", 0},
    {"RELOAD failed", [](Observations& all) { all.pools[0].pods[0].reload_error = "unknown parameter"; },
     AlertKind::kReloadFailed, "warning", 1},
    {"paused", [](Observations& all) { all.pools[0].pods[0].databases[0].paused = true; }, AlertKind::kPoolPaused,
     "warning", 31},
    {"a version with weaknesses",
     [](Observations& all) {
       all.pools[0].pods[0].vulnerabilities = {"CVE-2026-19888", "CVE-2026-6668"};
     },
     AlertKind::kPgbouncerVulnerable, "warning", 1},
    {"a client waits for 5 s", [](Observations& all) { all.pools[0].pods[0].pools[0].maxwait_s = 5; },
     AlertKind::kPoolClientsWaiting, "warning", 1},
    {"a client waits for 4.9 s", [](Observations& all) { all.pools[0].pods[0].pools[0].maxwait_s = 4.9; },
     AlertKind::kPoolClientsWaiting, "nothing", 0},
    {"all is well", [](Observations&) {}, AlertKind::kPoolUtilizationHigh, "nothing", 0},
};

TEST(Alerts, EachMatterIsToldAfterItsTime) {
  std::set<AlertKind> tried;
  for (const Matter& one : kMatters) {
    Watch watch;
    int raised_after = -1;
    std::vector<Alert> alerts;
    for (int second = 0; second < 120; ++second) {
      Observations all = observations(1000 + second, 5, 5);
      one.change(all);
      alerts = watch.see(all);
      if (raised_after < 0 && find(alerts, one.kind) != nullptr) raised_after = second;
    }
    EXPECT_EQ(told(alerts, one.kind), one.severity) << one.what;
    if (std::string(one.severity) == "nothing") {
      EXPECT_EQ(raised_after, -1) << one.what;
    } else {
      EXPECT_EQ(raised_after, one.seconds_max - 1) << one.what;
      EXPECT_FALSE(find(alerts, one.kind)->message.empty());
      EXPECT_EQ(alerts.size(), 1U) << one.what << ": and nothing else is told";
    }
    tried.insert(one.kind);
  }
  EXPECT_EQ(tried.size(), std::size(kAlertKinds)) << "each kind has a case";
}

TEST(Alerts, EachMatterIsClearedWhenItIsGone) {
  for (const Matter& one : kMatters) {
    if (std::string(one.severity) == "nothing") continue;
    Watch watch;
    for (int second = 0; second < 120; ++second) {
      Observations all = observations(1000 + second, 5, 5);
      one.change(all);
      watch.see(all);
    }
    std::vector<Alert> alerts;
    for (int second = 120; second < 200; ++second) {
      Observations all = observations(1000 + second, 5, 5);
      if (one.kind == AlertKind::kRedisDown) redis(all, true);
      alerts = watch.see(all);
    }
    EXPECT_EQ(told(alerts, one.kind), "nothing") << one.what;
  }
}

TEST(Alerts, CriticalOnesComeFirst) {
  Watch watch;
  std::vector<Alert> alerts;
  for (int second = 0; second < 60; ++second) {
    Observations all = observations(second, 5, 5);
    all.pools[0].pods[0].problem = "refused";
    all.pools[0].databases[0].leak.sessions = 1;
    all.servers[0].is_saturated = true;
    alerts = watch.see(all);
  }
  ASSERT_EQ(alerts.size(), 3U);
  EXPECT_EQ(alerts[0].subject.kind, AlertKind::kPgbouncerDown);
  EXPECT_EQ(alerts[0].subject.pod, "orders-pool-0");
  EXPECT_EQ(alerts[0].message, "PgBouncer does not answer: refused.");
  EXPECT_EQ(alerts[0].since, wall(5));
}

TEST(Alerts, NamesAreUniqueAndSeveritiesAreRead) {
  std::set<std::string_view> names;
  for (const AlertKind kind : kAlertKinds) names.insert(to_string(kind));
  EXPECT_EQ(names.size(), std::size(kAlertKinds));
  EXPECT_EQ(parse_severity("WARNING"), Severity::kWarning);
  EXPECT_EQ(parse_severity("critical"), Severity::kCritical);
  EXPECT_FALSE(parse_severity("info"));
}

TEST(Alerts, EveryKindHasARunbook) {
  for (const AlertKind kind : kAlertKinds) {
    const std::string path = std::string("docs/runbooks/") + std::string(to_string(kind)) + ".md";
    FILE* file = std::fopen(path.c_str(), "re");
    EXPECT_NE(file, nullptr) << path;
    if (file != nullptr) static_cast<void>(std::fclose(file));
  }
}

}  // namespace
}  // namespace poolwright::health

#include "health/system_health.h"

#include <gtest/gtest.h>

#include <functional>

#include "unit/health/examples.h"

namespace poolwright::health {
namespace {

using examples::at;
using examples::observations;

struct Case {
  const char* what;
  std::function<void(Observations&)> change;
  HealthState whole;
  HealthState pool;
};

const Case kCases[] = {
    {"all is well", [](Observations&) {}, HealthState::kHealthy, HealthState::kHealthy},
    {"one PgBouncer is down", [](Observations& all) { all.pools[0].pods[0].problem = "refused"; },
     HealthState::kDegraded, HealthState::kDegraded},
    {"all PgBouncers are down",
     [](Observations& all) {
       for (auto& pod : all.pools[0].pods) pod.problem = "refused";
     },
     HealthState::kDown, HealthState::kDown},
    {"all PgBouncers are starting",
     [](Observations& all) {
       for (auto& pod : all.pools[0].pods) {
         pod.observed_at.reset();
         pod.problem = "refused";
         pod.first_seen = all.now - std::chrono::seconds(59);
       }
     },
     HealthState::kDegraded, HealthState::kUnknown},
    {"they have been starting for too long",
     [](Observations& all) {
       for (auto& pod : all.pools[0].pods) {
         pod.observed_at.reset();
         pod.first_seen = all.now - kStartGrace;
       }
     },
     HealthState::kDown, HealthState::kDown},
    {"one has waited at its gate for long",
     [](Observations& all) {
       all.pools[0].pods[0].observed_at.reset();
       all.pools[0].pods[0].is_at_gate = true;
     },
     HealthState::kHealthy, HealthState::kHealthy},
    {"one is going away",
     [](Observations& all) {
       all.pools[0].pods[0].problem = "closed";
       all.pools[0].pods[0].is_terminating = true;
     },
     HealthState::kHealthy, HealthState::kHealthy},
    {"scaled to nothing", [](Observations& all) { all.pools[0].pods.clear(); }, HealthState::kDegraded,
     HealthState::kUnknown},
    {"PostgreSQL is down",
     [](Observations& all) {
       all.servers[0].is_reachable = false;
       all.servers[0].problem = "timeout";
     },
     HealthState::kDown, HealthState::kHealthy},
    {"PostgreSQL was not asked yet", [](Observations& all) { all.servers[0].is_reachable = false; },
     HealthState::kDegraded, HealthState::kHealthy},
    {"Redis is down", [](Observations& all) { all.pools[0].redis = RedisObservation{.problem = "refused"}; },
     HealthState::kDegraded, HealthState::kHealthy},
    {"Redis is there",
     [](Observations& all) { all.pools[0].redis = RedisObservation{.is_available = true, .is_connected = true}; },
     HealthState::kHealthy, HealthState::kHealthy},
    {"clients wait and everything is taken",
     [](Observations& all) {
       for (auto& pod : all.pools[0].pods) {
         pod.pools[0].sv_active = 25;
         pod.pools[0].cl_waiting = 5;
       }
     },
     HealthState::kDegraded, HealthState::kDegraded},
};

TEST(SystemHealth, IsAsBadAsItsWorstPart) {
  for (const Case& one : kCases) {
    Observations all = observations(1000);
    one.change(all);
    const SystemHealth health = system_health(all, connection_pool_stats(all, BusyBook{}));
    EXPECT_EQ(to_string(health.state), to_string(one.whole)) << one.what;
    EXPECT_EQ(to_string(health.pools.at(0).state), to_string(one.pool)) << one.what;
  }
}

TEST(SystemHealth, TellsResponseTimesAndProblems) {
  Observations all = observations(1000);
  all.servers.push_back({.id = "a-db:5432", .problem = "timeout", .response_ms = 3.0});
  const SystemHealth health = system_health(all, connection_pool_stats(all, BusyBook{}));
  ASSERT_EQ(health.databases.size(), 2U);
  EXPECT_EQ(health.databases[0].id, "a-db:5432");
  EXPECT_EQ(health.databases[0].problem, "timeout");
  EXPECT_FALSE(health.databases[0].response_ms) << "an old answer is no answer";
  EXPECT_DOUBLE_EQ(health.databases[1].response_ms.value(), 1.2);
  ASSERT_EQ(health.pgbouncers.size(), 2U);
  EXPECT_EQ(health.pgbouncers[0].version, "1.26.1");
  EXPECT_TRUE(health.redis.empty());
}

}  // namespace
}  // namespace poolwright::health

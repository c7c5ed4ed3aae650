#include "run/sizing_input.h"

#include <gtest/gtest.h>

#include "unit/run/sizing_world.h"

namespace poolwright::run {
namespace {

ServerSeen server(const std::string& identifier, bool is_standby = false) {
  auto seen = std::make_shared<postgres::ServerObservation>();
  seen->observed_at = MonotonicTime{};
  seen->facts.system_identifier = identifier;
  seen->facts.is_in_recovery = is_standby;
  return seen;
}

std::string name_of(const std::string& name, const std::string& host, int replicas) {
  return server_name(pool(name, host, replicas).facts.pool);
}

TEST(ServerName, OneSpellingForOneServer) {
  EXPECT_EQ(name_of("a", "DB.Shop.svc.cluster.local.", 1), "db.shop.svc:5432");
  EXPECT_EQ(name_of("a", "db.shop.svc", 1), "db.shop.svc:5432");
  EXPECT_EQ(name_of("a", "db", 1), "db.shop.svc:5432") << "as the pods of the namespace find it";
  EXPECT_EQ(name_of("a", "10.1.2.3", 1), "10.1.2.3:5432");
  EXPECT_EQ(name_of("a", "fd00::1", 1), "[fd00::1]:5432");
  EXPECT_EQ(name_of("a", "localhost", 1), "localhost:5432");
}

TEST(SameServers, TwoNamesOfOneServerAreOneAndAStandbyIsAnother) {
  const std::set<std::string> names = {"a", "b", "c", "d"};
  ServerIdentities identities;
  identify(names, {{"a", server("7")}, {"b", server("7")}, {"c", server("7", true)}}, identities);
  const auto same = same_servers(names, identities);
  EXPECT_EQ(same.at("b"), "a");
  EXPECT_EQ(same.at("c"), "c") << "it has the primary's identifier and connections of its own";
  EXPECT_EQ(same.at("d"), "d") << "nobody could read it";
  identify({"a", "b"}, {{"a", server("7")}}, identities);
  EXPECT_EQ(same_servers({"a", "b"}, identities).at("b"), "a") << "what was read last";
  identify({"a", "b"}, {{"b", server("8")}}, identities);
  EXPECT_EQ(same_servers({"a", "b"}, identities).at("b"), "b") << "another server answers there";
}

TEST(PoolInput, SizesOfTheResourceAreSumsAndThoseOfTheSizingArePerPod) {
  PoolSighting seen = pool("orders", "db", 2);
  seen.facts.sizes["app"] = 13;
  add_pod(seen, "one", MonotonicTime{}, 6, 4, 2);
  add_pod(seen, "two", MonotonicTime{}, 6);
  api::Database app = seen.facts.pool.spec.databases[0];
  app.reserve_pool_size = 5;
  const sizing::PoolInput input = pool_input(seen, app, {});
  EXPECT_EQ(input.id, "shop/orders/app");
  EXPECT_EQ(input.pods, 2);
  EXPECT_EQ(input.size, 6);
  EXPECT_EQ(input.limits.max, 20);
  EXPECT_EQ(input.limits.reserve_per_pod, 2);
  ASSERT_EQ(input.pod_inputs.size(), 2U);
  EXPECT_EQ(input.pod_inputs[0].observation->pool_size, 6);
  EXPECT_EQ(input.pod_inputs[0].observation->reserve, 2);
  EXPECT_EQ(sizing::held(input.pod_inputs[0].observation->gauges), 4);
}

TEST(PoolInput, ASurgingPodCountsBeforeItIsThere) {
  PoolSighting seen = pool("orders", "db", 2);
  seen.facts.deployment = {.exists = true, .replicas = 2, .restart_hash = "new"};
  seen.facts.pods = {{.name = "one", .uid = "one", .restart_hash = "old"},
                     {.name = "two", .uid = "two", .restart_hash = "old"}};
  EXPECT_EQ(room_now(seen.facts, seen.facts.pool.spec.databases[0]).pods, 3);
  for (reconcile::PodFacts& pod : seen.facts.pods) pod.restart_hash = "new";
  EXPECT_EQ(room_now(seen.facts, seen.facts.pool.spec.databases[0]).pods, 2);
}

TEST(PoolInput, WhatStoppingPodsHoldIsNotShared) {
  PoolSighting seen = pool("orders", "db", 2);
  add_pod(seen, "one", MonotonicTime{}, 6);
  seen.facts.pods.push_back(
      {.name = "stops", .uid = "stops", .terminating = true, .may_hold = render::PodHolds{{"app", {8, 0}}}});
  seen.facts.pods.push_back({.name = "new", .uid = "new", .at_gate = true});
  const sizing::PoolInput input = pool_input(seen, seen.facts.pool.spec.databases[0], {.size_per_pod = 6});
  EXPECT_EQ(input.pods, 2);
  EXPECT_EQ(input.limits.max, 12);
  ASSERT_EQ(input.pod_inputs.size(), 1U) << "one stops, one has not started";
  EXPECT_EQ(input.pod_inputs[0].name, "one");
}

TEST(PoolInput, ANewDatabaseBeginsWithOneConnectionAPod) {
  const PoolSighting seen = pool("orders", "db", 2);
  const sizing::PoolInput input = pool_input(seen, seen.facts.pool.spec.databases[0], {});
  EXPECT_EQ(input.size, 1);
  EXPECT_EQ(input.mode, sizing::SizingMode::kFixed) << "it wants its initial size";
}

TEST(Observation, APodThatDoesNotKnowTheDatabaseSaysNothing) {
  PoolSighting seen = pool("orders", "db", 1);
  add_pod(seen, "one", MonotonicTime{}, 6);
  EXPECT_FALSE(observation_of(*seen.seen.at("one"), "other"));
  EXPECT_FALSE(observation_of(pgbouncer::PodObservation{}, "app"));
}

TEST(Foreign, WhatThePoolsDoNotHoldIsSomebodyElses) {
  postgres::ServerObservation seen;
  seen.sessions = {{.user = "app_user", .database = "app", .count = 9},
                   {.user = "admin", .database = "app", .count = 2}};
  EXPECT_EQ(foreign_sessions(seen, {{{"app_user", "app"}, 9}}), 2);
  EXPECT_EQ(foreign_sessions(seen, {{{"app_user", "app"}, 6}}), 5)
      << "three of the pool's own login are direct clients";
  EXPECT_EQ(foreign_sessions(seen, {{{"app_user", "app"}, 50}}), 2);
}

TEST(Policy, TheWordsOfAnAutoscaler) {
  const sizing::PoolPolicy policy = policy_of(api::Sizing{});
  EXPECT_DOUBLE_EQ(policy.up_factor, 8.0);
  EXPECT_DOUBLE_EQ(policy.down_fraction, 0.25);
  EXPECT_DOUBLE_EQ(policy.down_window_s, 120.0);
  EXPECT_DOUBLE_EQ(policy.max_wait_probability, 0.03);
}

}  // namespace
}  // namespace poolwright::run

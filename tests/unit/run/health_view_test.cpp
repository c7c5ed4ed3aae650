#include "run/health_view.h"

#include <gtest/gtest.h>

namespace poolwright::run {
namespace {

using std::chrono::seconds;

PoolView orders() {
  api::ConnectionPool pool{.name = "orders", .namespace_name = "shop"};
  pool.spec.postgres.host = "db.shop.svc";
  pool.spec.databases.push_back({.name = "app"});
  PoolView view{.pool = std::make_shared<const api::ConnectionPool>(pool), .status = api::Json::object()};
  view.config_hash = "0123456789abcdef0123456789abcdef";
  view.sizes["app"] = 12;
  return view;
}

PodView pod(const std::string& name) {
  auto seen = std::make_shared<pgbouncer::PodObservation>();
  seen->is_connected = true;
  seen->version = 12401;
  seen->observed_at = MonotonicTime{seconds{5}};
  seen->round_trip = std::chrono::microseconds{1500};
  seen->databases = {{.name = "app",
                      .force_user = "app_user",
                      .pool_size = 6,
                      .reserve_pool_size = 2,
                      .max_connections = 7,
                      .current_connections = 3}};
  seen->pools = {
      {.database = "app", .user = "app_user", .cl_active_cancel_req = 1, .sv_active = 4, .maxwait_us = 2'500'000}};
  seen->stats = {{.database = "app", .total_xact_count = 9, .total_bind_count = 8}};
  auto seldom = std::make_shared<pgbouncer::PodObservation::Seldom>();
  seldom->marker = "poolwright-0123456789abcdef";
  seldom->max_client_conn = 110;
  seldom->lists["used_clients"] = 3;
  seen->seldom = std::move(seldom);
  return {.name = name, .seen = std::move(seen)};
}

postgres::ServerObservation server() {
  postgres::ServerObservation seen{.is_connected = true, .observed_at = MonotonicTime{seconds{5}}};
  seen.facts = {.max_connections = 100, .superuser_reserved_connections = 3, .version = 150008};
  seen.sessions = {{.user = "app_user", .count = 7}};
  seen.response_time = std::chrono::microseconds{400};
  return seen;
}

TEST(HealthView, APodTellsWhatItRuns) {
  PoolView pool = orders();
  pool.pods = {pod("p1")};
  const health::PoolObservation view = view_of(pool, {});
  ASSERT_EQ(view.pods.size(), 1U);
  const health::PodObservation& seen = view.pods[0];
  EXPECT_EQ(seen.version, "1.24.1");
  EXPECT_EQ(seen.config_hash, view.wanted_config_hash) << "the marker names the hash that is wanted";
  EXPECT_EQ(seen.config_hash, "0123456789abcdef");
  EXPECT_EQ(seen.response_ms, 1.5);
  EXPECT_EQ(seen.pools[0].maxwait_s, 2.5);
  EXPECT_EQ(seen.pools[0].cl_active_cancel_req, 1);
  EXPECT_EQ(seen.stats[0].bind_count, 8);
  EXPECT_EQ(seen.lists.at("used_clients"), 3);
  EXPECT_EQ(seen.max_client_conn, 110);
  EXPECT_FALSE(seen.vulnerabilities.empty()) << "1.24.1 has published weaknesses";
  EXPECT_EQ(view.databases[0].size, 12);
  EXPECT_EQ(view.databases[0].server, "db.shop.svc:5432");
  EXPECT_EQ(view.endpoint, "orders-pool.shop.svc:6432");
  EXPECT_EQ(view.pool_mode, "transaction");
  EXPECT_FALSE(view.redis.has_value());
}

TEST(HealthView, AfterAFailureTheRowsStayAndTheProblemIsTold) {
  PoolView pool = orders();
  PodView down = pod("p1");
  auto failed = std::make_shared<pgbouncer::PodObservation>(*down.seen);
  failed->error = make_error(ErrorKind::kUnavailable, "connection refused");
  down.seen = std::move(failed);
  pool.pods = {down, {.name = "p2"}};
  const health::PoolObservation view = view_of(pool, {});
  EXPECT_EQ(view.pods[0].problem, "connection refused");
  EXPECT_FALSE(view.pods[0].response_ms.has_value());
  EXPECT_EQ(view.pods[0].pools.size(), 1U);
  EXPECT_FALSE(view.pods[1].observed_at.has_value()) << "nobody has a console of it";
}

TEST(HealthView, ABudgetIsWhatTheServerHasLessTheReserve) {
  PoolView pool = orders();
  pool.pods = {pod("p1"), pod("p2")};
  const ServerViews servers = {{"db.shop.svc:5432", std::make_shared<const postgres::ServerObservation>(server())}};
  const auto views = servers_of({pool}, servers);
  ASSERT_EQ(views.size(), 1U);
  EXPECT_TRUE(views[0].is_reachable);
  EXPECT_EQ(views[0].version, "15.8");
  EXPECT_EQ(views[0].budget, 100 - 3 - 10);
  EXPECT_EQ(views[0].connections, 8);
  ASSERT_EQ(views[0].shares.size(), 1U);
  EXPECT_EQ(views[0].shares[0].committed, 14) << "two pods, each capped by max_db_connections 7";
  EXPECT_EQ(views[0].shares[0].held, 6);
}

TEST(HealthView, AServerThatRefusesALoginIsThereAndOneThatNobodyMayAskIsUnknown) {
  const PoolView pool = orders();
  postgres::ServerObservation refused;
  refused.error = make_error(ErrorKind::kUnauthorized, "password authentication failed");
  const auto views =
      servers_of({pool}, {{"db.shop.svc:5432", std::make_shared<const postgres::ServerObservation>(refused)}});
  EXPECT_TRUE(views[0].is_reachable);
  const auto unknown = servers_of({pool}, {});
  EXPECT_FALSE(unknown[0].is_reachable);
  EXPECT_EQ(unknown[0].problem, "") << "no alert is made of that";
  EXPECT_EQ(unknown[0].budget, 0);
}

TEST(HealthView, LeaksAreSessionsOfOurUserInOurDatabaseOnly) {
  PoolView pool = orders();
  pool.pods = {pod("p1")};
  postgres::ServerObservation seen = server();
  const auto session = [](const char* user, const char* database, double idle_s) {
    return postgres::IdleInTransaction{
        .user = user, .database = database, .application_name = "api", .idle_seconds = idle_s};
  };
  seen.idle_in_transaction = {session("app_user", "app", 90), session("app_user", "app", 31),
                              session("app_user", "app", 29), session("app_user", "other", 90),
                              session("somebody", "app", 90)};
  const ServerViews servers = {{"db.shop.svc:5432", std::make_shared<const postgres::ServerObservation>(seen)}};
  const health::LeakObservation leak = view_of(pool, servers).databases[0].leak;
  EXPECT_EQ(leak.sessions, 2);
  EXPECT_EQ(leak.oldest_s, 90);
  EXPECT_EQ(leak.application_name, "api");
}

TEST(HealthView, RedisIsToldWhereThePoolHasOne) {
  PoolView pool = orders();
  api::ConnectionPool with_redis = *pool.pool;
  with_redis.spec.monitoring.redis_secret_ref = api::SecretRef{.name = "redis"};
  pool.pool = std::make_shared<const api::ConnectionPool>(with_redis);
  EXPECT_EQ(view_of(pool, {}).redis->status, "not asked yet");
  pool.redis_problem = "Secret redis has no usable key url";
  EXPECT_EQ(view_of(pool, {}).redis->problem, pool.redis_problem);
  pool.redis =
      redis::ProbeOutcome{.is_available = true, .is_connected = true, .version = "7.0.15", .response_ms = 0.44};
  EXPECT_EQ(view_of(pool, {}).redis->status, "PONG in 0.4 ms, Redis 7.0.15");
}

}  // namespace
}  // namespace poolwright::run

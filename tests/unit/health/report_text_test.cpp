#include "health/report_text.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "unit/health/examples.h"

namespace poolwright::health {
namespace {

using examples::observations;

std::shared_ptr<const Report> report_of(void (*change)(Observations&)) {
  Monitor monitor;
  std::shared_ptr<const Report> report;
  for (int second = 0; second <= 5; ++second) {
    Observations all = observations(second, 20, 12);
    change(all);
    report = monitor.update(std::move(all));
  }
  return report;
}

TEST(MetricsBlock, IsReadable) {
  const auto report = report_of([](Observations& all) {
    all.pools[0].redis =
        RedisObservation{.is_available = true, .is_connected = true, .status = "PONG in 0.4 ms, Redis 7.0.15"};
  });
  EXPECT_EQ(metrics_block(*report, report->stats.pools.at(0)),
            "Connection pool shop/orders at 2023-11-14T22:13:25Z\n"
            "  health          healthy\n"
            "  database        orders-db.shop.svc:5432 healthy, response time 1.2 ms\n"
            "  connections     active 32 | idle 18 | total 50 | max 50 | utilization 64.0 % | waiting 0\n"
            "  PgBouncer       yes, 2 of 2 answer, version 1.26.1\n"
            "  Redis           available yes | connected yes | status PONG in 0.4 ms, Redis 7.0.15\n");
}

TEST(MetricsBlock, TellsWhatIsWrong) {
  const auto report = report_of([](Observations& all) {
    all.servers[0].is_reachable = false;
    all.servers[0].problem = "connection refused";
    for (PodObservation& pod : all.pools[0].pods) pod.problem = "timeout";
  });
  const std::string text = metrics_block(*report, report->stats.pools.at(0));
  EXPECT_NE(text.find("health          down\n"), std::string::npos) << text;
  EXPECT_NE(text.find("orders-db.shop.svc:5432 down: connection refused\n"), std::string::npos) << text;
  EXPECT_NE(text.find("utilization unknown"), std::string::npos) << text;
  EXPECT_NE(text.find("yes, 0 of 2 answer"), std::string::npos) << text;
  EXPECT_EQ(text.find("Redis"), std::string::npos) << "not configured: not a word\n" << text;
}

TEST(MetricsBlock, NamesTheDatabasesWhereThereAreSeveral) {
  const auto report = report_of([](Observations& all) {
    all.pools[0].databases.push_back({.name = "billing", .server = "orders-db.shop.svc:5432"});
  });
  const std::string text = metrics_block(*report, report->stats.pools.at(0));
  EXPECT_NE(text.find("    billing       active 0"), std::string::npos) << text;
  EXPECT_NE(text.find("    orders        active 32"), std::string::npos) << text;
}

TEST(MetricsBlock, AsJson) {
  const auto report =
      report_of([](Observations& all) { all.pools[0].redis = RedisObservation{.problem = "connection refused"}; });
  const nlohmann::json block = metrics_block_json(*report, report->stats.pools.at(0));
  EXPECT_EQ(block["timestamp"], "2023-11-14T22:13:25Z");
  EXPECT_EQ(block["health"], "healthy");
  EXPECT_EQ(block["database"][0]["response_time_ms"], 1.2);
  EXPECT_EQ(block["connections"]["active"], 32);
  EXPECT_EQ(block["connections"]["utilization_percent"], 64.0);
  EXPECT_EQ(block["pgbouncer"]["versions"][0], "1.26.1");
  EXPECT_EQ(block["redis"]["connected"], false);
  EXPECT_EQ(block["redis"]["status"], "connection refused");
}

TEST(StartBlock, TellsWhatWasDetected) {
  const Observations all = observations(0);
  EXPECT_EQ(start_block(all.pools[0]),
            "Connection pool shop/orders: configuration detected\n"
            "  connections     through PgBouncer at orders-pool.shop.svc:6432, pool mode transaction\n"
            "  clients         at most 100 per pod\n"
            "  database        orders on orders-db.shop.svc:5432: size 50 (min 5, max 50, reserve 10)\n"
            "    application   connection limit 5 per instance, pool timeout 20 s, connect timeout 10 s\n"
            "  alerts          warning from 80 %, critical from 90 %\n"
            "  Redis           not configured\n");
  const nlohmann::json block = start_block_json(all.pools[0]);
  EXPECT_EQ(block["through_pgbouncer"], true);
  EXPECT_EQ(block["databases"][0]["pool_timeout_s"], 20);
  EXPECT_EQ(block["redis_configured"], false);
}

TEST(StartBlock, SaysSoWhereThereIsNoPgbouncer) {
  Observations all = observations(0);
  all.pools[0].is_through_pgbouncer = false;
  all.pools[0].endpoint = "orders-db.shop.svc:5432";
  EXPECT_NE(start_block(all.pools[0]).find("direct to orders-db.shop.svc:5432\n"), std::string::npos);
}

}  // namespace
}  // namespace poolwright::health

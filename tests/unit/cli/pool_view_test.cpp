#include "cli/pool_view.h"

#include <gtest/gtest.h>

#include "base/rfc3339.h"

namespace poolwright::cli {
namespace {

using api::Json;

const WallTime kNow = *parse_rfc3339("2026-01-02T03:04:05Z");

const Json& sample() {
  static const Json pool = Json::parse(R"({
    "apiVersion": "poolwright.dev/v1alpha1", "kind": "ConnectionPool",
    "metadata": {"name": "orders", "namespace": "shop", "generation": 3, "creationTimestamp": "2026-01-01T03:04:05Z",
                 "managedFields": [{"manager": "x"}]},
    "spec": {"postgres": {"host": "orders-db.shop.svc"},
             "databases": [{"name": "orders", "poolSize": {"min": 5, "max": 25}}],
             "sizing": {"mode": "Auto"}},
    "status": {"observedGeneration": 3, "summary": "1 database, 14 server connections", "podsReady": "1/2",
      "size": 14, "sizeMax": 25, "utilizationPercent": 85, "replicas": 2, "endpoint": "orders-pool.shop.svc:6432",
      "configHash": "abc",
      "conditions": [
        {"type": "Ready", "status": "False", "reason": "PodsNotReady", "message": "1 of 2 pods ready",
         "lastTransitionTime": "2026-01-02T03:01:00Z"},
        {"type": "DatabaseSaturated", "status": "True", "reason": "Knee", "message": "more would be slower",
         "lastTransitionTime": "2026-01-02T00:04:05Z"}],
      "databases": [{"name": "orders", "size": 14, "recommendedSize": 18, "sizeReason": "7 per pod: demand",
                     "utilizationPercent": 85, "waitingClients": 2, "connectionLimit": 5,
                     "secretName": "orders-orders-url"}],
      "pods": [{"name": "orders-pool-a", "ready": true, "pgbouncerVersion": "1.26.1", "configHash": "abc"},
               {"name": "orders-pool-b", "ready": false}]}})");
  return pool;
}

TEST(PoolView, AllPoolsALineEach) {
  EXPECT_EQ(
      pools_text({sample()}, kNow, {}),
      "  NAMESPACE  NAME    READY  REASON        PODS  SIZE  MAX  UTIL%  AGE  SUMMARY\n"
      "  shop       orders  False  PodsNotReady  1/2     14   25     85  24h  1 database, 14 server connections\n");
}

TEST(PoolView, OnePoolWithEverything) {
  EXPECT_EQ(pool_text(sample(), kNow, {}),
            "orders in namespace shop: not ready (PodsNotReady)\n"
            "  summary     1 database, 14 server connections\n"
            "  clients use orders-pool.shop.svc:6432\n"
            "  PostgreSQL  orders-db.shop.svc:5432\n"
            "  PgBouncer   1.26, Transaction, sizing Auto\n"
            "\n"
            "  CONDITION          STATUS  REASON        SINCE  MESSAGE\n"
            "  Ready              False   PodsNotReady  3m     1 of 2 pods ready\n"
            "  DatabaseSaturated  True    Knee          3h     more would be slower\n"
            "\n"
            "  DATABASE  SIZE  MAX  WOULD BE  UTIL%  WAITING  PER CLIENT  URL SECRET\n"
            "  orders      14   25        18     85        2           5  orders-orders-url\n"
            "\n"
            "  POD            READY  PGBOUNCER  CONFIG\n"
            "  orders-pool-a  yes    1.26.1     current\n"
            "  orders-pool-b  no     -          not read back\n");
}

TEST(PoolView, AChangeThatWasNotLookedAtIsTold) {
  Json pool = sample();
  pool["metadata"]["generation"] = 4;
  EXPECT_NE(pool_text(pool, kNow, {}).find("has not looked at the latest change"), std::string::npos);
}

TEST(PoolView, ExplainsTheSizeAndWhatWouldChangeIt) {
  EXPECT_EQ(explain_text(sample(), "", {}),
            "orders: 14 server connections on 2 pods, recommended 18\n"
            "  why: 7 per pod: demand\n"
            "  It grows with the demand, up to poolSize.max (25), above 70 % utilization.\n"
            "  It shrinks when less was needed for 120 s, down to poolSize.min (5).\n"
            "DatabaseSaturated (Knee): more would be slower\n");
  EXPECT_TRUE(explain_json(sample(), "other").empty());
  Json fixed = sample();
  fixed["spec"]["sizing"]["mode"] = "Fixed";
  EXPECT_NE(explain_text(fixed, "orders", {}).find("sizing.mode is Fixed"), std::string::npos);
  fixed["spec"]["sizing"]["mode"] = "Recommend";
  EXPECT_NE(explain_text(fixed, "orders", {}).find("Auto would run 18"), std::string::npos);
}

TEST(PoolView, TopSortsByWaitingThenUtilization) {
  Json calm = sample();
  calm["metadata"]["name"] = "calm";
  calm["status"]["databases"][0]["waitingClients"] = 0;
  calm["status"]["databases"][0]["utilizationPercent"] = 99;
  Json unknown = calm;
  unknown["metadata"]["name"] = "unknown";
  unknown["status"]["databases"][0].erase("utilizationPercent");
  const Json rows = top_json({unknown, calm, sample()});
  EXPECT_EQ(rows[0]["pool"], "orders");
  EXPECT_EQ(rows[1]["pool"], "calm");
  EXPECT_EQ(rows[2]["pool"], "unknown");
  EXPECT_NE(top_text({sample()}, {}).find("shop       orders  orders       85        2"), std::string::npos)
      << top_text({sample()}, {});
}

TEST(PoolView, WorksOnAnything) {
  for (const char* text : {"null", "[]", "{}", R"({"status": 5, "spec": [], "metadata": 1})",
                           R"({"status": {"databases": [5, {}, null]}})",
                           R"({"status": {"conditions": {}, "pods": "x", "databases": [{"name": 5, "size": "x"}]}})"}) {
    const Json pool = Json::parse(text);
    pool_text(pool, kNow, {});
    pools_text({pool}, kNow, {});
    explain_text(pool, "", {});
    top_text({pool}, {});
    without_noise(pool);
  }
}

TEST(PoolView, AgesAndNoise) {
  EXPECT_EQ(age_of("2026-01-02T03:04:00Z", kNow), "5s");
  EXPECT_EQ(age_of("2025-12-20T03:04:00Z", kNow), "13d");
  EXPECT_EQ(age_of("1970-01-01T00:00:00Z", kNow), "-");
  EXPECT_EQ(age_of("soon", kNow), "");
  EXPECT_FALSE(without_noise(sample())["metadata"].contains("managedFields"));
}

}  // namespace
}  // namespace poolwright::cli

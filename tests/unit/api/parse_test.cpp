#include "api/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/api/pools.h"

namespace poolwright::api {
namespace {

using testing::HasSubstr;

TEST(Parse, SmallestPoolHasEveryDefault) {
  const Parsed parsed = parse_pool(good_pool_json());
  ASSERT_TRUE(parsed.pool.has_value()) << all(parsed.errors);
  ConnectionPoolSpec expected;
  expected.postgres.host = "orders-db.shop.svc";
  expected.databases.resize(1);
  expected.databases[0].name = "orders";
  expected.databases[0].credentials_secret_ref.name = "orders-app";
  EXPECT_EQ(parsed.pool->spec, expected);
  EXPECT_EQ(parsed.pool->name, "bad");
  EXPECT_EQ(parsed.pool->namespace_name, "default");
}

TEST(Parse, SeedDefaults) {
  const ConnectionPoolSpec spec = parse_pool(good_pool_json()).pool->spec;
  const Database& database = spec.databases[0];
  EXPECT_EQ(spec.pgbouncer.pool_mode, PoolMode::kTransaction);
  EXPECT_EQ(spec.pgbouncer.max_client_connections, 100);
  EXPECT_EQ(database.pool_size.max, 25);
  EXPECT_EQ(database.pool_size.min, 5);
  EXPECT_EQ(initial_size(database.pool_size), 25);
  EXPECT_EQ(database.reserve_pool_size, 5);
  EXPECT_EQ(database.max_connections, 50);
  EXPECT_EQ(server_database(database), "orders");
}

TEST(Parse, NullStandsForAbsent) {
  Json pool = good_pool_json();
  pool["spec"]["postgres"]["port"] = nullptr;
  pool["spec"]["postgres"]["tls"] = nullptr;
  pool["spec"]["postgres"]["observerSecretRef"] = nullptr;
  pool["spec"]["databases"][0]["poolSize"] = {{"initial", nullptr}};
  pool["spec"]["pgbouncer"] = {{"parameters", nullptr}, {"podTemplate", {{"tolerations", nullptr}}}};
  pool["spec"]["sizing"] = nullptr;
  const Parsed parsed = parse_pool(pool);
  ASSERT_TRUE(parsed.pool.has_value()) << all(parsed.errors);
  EXPECT_EQ(parsed.pool->spec, parse_pool(good_pool_json()).pool->spec);
}

TEST(Parse, PartOfAnObjectKeepsTheDefaultsOfTheRest) {
  Json pool = good_pool_json();
  pool["spec"]["sizing"] = {{"scaleUp", {{"periodSeconds", 5}}}};
  const Sizing sizing = parse_pool(pool).pool->spec.sizing;
  EXPECT_EQ(sizing.scale_up.period_seconds, 5);
  EXPECT_EQ(sizing.scale_up.step_percent, 700);
  EXPECT_EQ(sizing.scale_down, Sizing{}.scale_down);
}

TEST(Parse, IntegersInMapsStandForTheirText) {
  Json pool = good_pool_json();
  pool["spec"]["pgbouncer"]["parameters"] = {{"max_prepared_statements", 200}, {"tcp_keepalive", "1"}};
  pool["spec"]["pgbouncer"]["resources"]["requests"] = {{"cpu", 1}};
  const Pgbouncer pgbouncer = parse_pool(pool).pool->spec.pgbouncer;
  EXPECT_EQ(pgbouncer.parameters.at("max_prepared_statements"), "200");
  EXPECT_EQ(pgbouncer.parameters.at("tcp_keepalive"), "1");
  EXPECT_EQ(pgbouncer.resources.requests, (Quantities{{"cpu", "1"}}));
  EXPECT_EQ(pgbouncer.resources.limits, Resources{}.limits);
}

TEST(Parse, AWholeNumberWithAPointIsAnInteger) {
  Json pool = good_pool_json();
  pool["spec"]["postgres"]["port"] = 5433.0;
  EXPECT_EQ(parse_pool(pool).pool->spec.postgres.port, 5433);
}

TEST(Parse, MetadataIsRead) {
  Json pool = good_pool_json();
  pool["metadata"] = Json::parse(R"({
      "name": "orders", "namespace": "shop", "uid": "u", "resourceVersion": "7", "generation": 3,
      "deletionTimestamp": "2026-01-01T00:00:00Z", "labels": {"a": "b"}, "annotations": {"c": "d"},
      "managedFields": [], "creationTimestamp": null, "ownerReferences": [], "finalizers": []})");
  const Parsed parsed = parse_pool(pool);
  ASSERT_TRUE(parsed.pool.has_value()) << all(parsed.errors);
  EXPECT_EQ(parsed.pool->uid, "u");
  EXPECT_EQ(parsed.pool->resource_version, "7");
  EXPECT_EQ(parsed.pool->generation, 3);
  EXPECT_TRUE(parsed.pool->deleting);
  EXPECT_EQ(parsed.pool->labels.at("a"), "b");
  EXPECT_EQ(parsed.pool->annotations.at("c"), "d");
}

TEST(Parse, StatusIsNotLookedAt) {
  Json pool = good_pool_json();
  pool["status"] = {{"size", "forged"}, {"anything", Json::array({1})}};
  EXPECT_TRUE(parse_pool(pool).pool.has_value());
}

struct Envelope {
  const char* patch;
  const char* error;
};

TEST(Parse, BadEnvelopes) {
  const Envelope cases[] = {
      {R"({"apiVersion": "poolwright.dev/v1"})",
       R"(apiVersion: must be poolwright.dev/v1alpha1, got "poolwright.dev/v1")"},
      {R"({"apiVersion": null})", R"(apiVersion: must be poolwright.dev/v1alpha1, got "")"},
      {R"({"kind": "Pooler"})", R"(kind: must be ConnectionPool, got "Pooler")"},
      {R"({"spec": null})", "spec: is required"},
      {R"({"spec": 5})", "spec: must be an object, got 5"},
      {R"({"metadata": null})", "metadata: is required"},
      {R"({"metadata": {"name": null}})", "metadata.name: is required"},
      {R"({"metadata": {"name": 5}})", "metadata.name: must be text, got 5"},
      {R"({"metadata": {"name": "a/b"}})", "metadata.name: must be a DNS subdomain"},
      {R"({"metadata": {"name": ".."}})", "metadata.name: must be a DNS subdomain"},
      {R"({"metadata": {"namespace": "a.b"}})", "metadata.namespace: must be at most 63 lower-case letters"},
      {R"({"metadata": {"namespace": "../kube-system"}})", "metadata.namespace: must be at most 63 lower-case letters"},
      {R"({"metadata": {"namspace": "a"}})", "metadata.namspace: must not be here"},
      {R"({"metadata": {"labels": {"a": 1}}})", "metadata.labels.a: must be text, got 1"},
      {R"({"metadata": {"annotations": []}})", "metadata.annotations: must be an object, got a list"},
      {R"({"specs": {}})", "specs: must not be here"},
  };
  for (const Envelope& bad : cases) {
    Json pool = good_pool_json();
    pool.merge_patch(Json::parse(bad.patch));
    const Parsed parsed = parse_pool(pool);
    EXPECT_FALSE(parsed.pool.has_value()) << bad.patch;
    EXPECT_THAT(all(parsed.errors), HasSubstr(bad.error));
  }
}

TEST(Parse, WhatIsNoObject) {
  for (const char* text : {"null", "5", "\"text\"", "[]", "true"}) {
    const Parsed parsed = parse_pool(Json::parse(text));
    ASSERT_FALSE(parsed.errors.empty()) << text;
    EXPECT_THAT(to_string(parsed.errors[0]), HasSubstr("must be a Kubernetes object")) << text;
  }
}

TEST(Parse, TextThatIsNotUtf8) {
  Json pool = good_pool_json();
  pool["spec"]["postgres"]["host"] = "db\xFF";
  pool["spec"]["pgbouncer"]["podTemplate"]["affinity"]["nodeAffinity"]["x"] = Json::array({"\xC0\x80"});
  pool["metadata"]["labels"]["\xFE"] = "a";
  const Parsed parsed = check_pool(pool, {});
  EXPECT_EQ(all(parsed.errors),
            "\n  metadata.labels: must have keys that are UTF-8"
            "\n  spec.pgbouncer.podTemplate.affinity.nodeAffinity.x[0]: must be UTF-8"
            "\n  spec.postgres.host: must be UTF-8");
}

TEST(Parse, NestingHasAnEnd) {
  Json deep = Json::object();
  for (int i = 0; i < 5000; ++i) deep = Json{{"a", std::move(deep)}};
  Json pool = good_pool_json();
  pool["spec"]["pgbouncer"]["podTemplate"]["affinity"]["nodeAffinity"] = std::move(deep);
  const Parsed parsed = parse_pool(pool);
  ASSERT_EQ(parsed.errors.size(), 1U);
  EXPECT_THAT(parsed.errors[0].message, HasSubstr("must not be nested deeper than 64 levels"));
}

TEST(Parse, AllErrorsAtOnce) {
  Json pool = good_pool_json();
  pool["kind"] = "Pool";
  pool["spec"]["postgres"] = {{"port", 0}, {"hots", "a"}};
  pool["spec"]["databases"][0]["poolSize"] = {{"min", 30}, {"max", "x"}};
  pool["spec"]["monitoring"]["warningPercent"] = 95;
  const std::string errors = all(check_pool(pool, {}).errors);
  for (const char* expected :
       {"kind: must be ConnectionPool", "spec.postgres.host: is required", "spec.postgres.hots: must not be here",
        "spec.postgres.port: must be an integer from 1 to 65535, got 0",
        "spec.databases[0].poolSize.max: must be an integer", "spec.databases[0].poolSize.min: must not be above max",
        "spec.monitoring.warningPercent: must be below"}) {
    EXPECT_THAT(errors, HasSubstr(expected));
  }
}

TEST(Parse, AFieldThatCannotBeReadGivesOneError) {
  Json pool = good_pool_json();
  pool["spec"]["postgres"].erase("host");
  EXPECT_EQ(all(check_pool(pool, {}).errors), "\n  spec.postgres.host: is required");
  pool["spec"]["postgres"] = 5;
  EXPECT_EQ(all(check_pool(pool, {}).errors), "\n  spec.postgres: must be an object, got 5");
}

TEST(Parse, EveryEnumerationWord) {
  Json pool = good_pool_json();
  for (const char* mode : {"Disable", "Prefer", "Require", "VerifyCA", "VerifyFull"}) {
    pool["spec"]["postgres"]["tls"] = {{"mode", mode}, {"caSecretRef", {{"name", "ca"}}}};
    EXPECT_EQ(pool_json(*check_pool(pool, {}).pool)["spec"]["postgres"]["tls"]["mode"], mode);
  }
}

TEST(Parse, SamplesAreGoodAndTheFullOneHasEveryField) {
  for (const char* sample : {"smallest", "two-databases", "full"}) {
    const Parsed parsed = check_pool(yaml_file(std::string("config/samples/") + sample + ".yaml"), {});
    EXPECT_TRUE(parsed.pool.has_value()) << sample << all(parsed.errors);
  }
  const Json full = yaml_file("config/samples/full.yaml");
  const Json all_fields = pool_json(*parse_pool(full).pool)["spec"];
  EXPECT_EQ(all_fields, [&] {
    Json spec = full["spec"];
    spec["pgbouncer"]["parameters"]["max_prepared_statements"] = "200";
    return spec;
  }()) << "a field of the types is missing in the sample";
}

}  // namespace
}  // namespace poolwright::api

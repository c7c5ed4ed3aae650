#include "run/triggers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace poolwright::run {
namespace {

using api::Json;
using testing::ElementsAre;
using testing::IsEmpty;

api::Object pool(const char* name, const char* spec) {
  return std::make_shared<const Json>(Json{
      {"kind", "ConnectionPool"}, {"metadata", {{"namespace", "shop"}, {"name", name}}}, {"spec", Json::parse(spec)}});
}

std::vector<api::Object> pools() {
  return {
      pool("billing", R"({"databases": [{"name": "b", "credentialsSecretRef": {"name": "billing-app"},
                          "application": {"instancesFrom": {"kind": "StatefulSet", "name": "worker"}}}]})"),
      pool("orders", R"({"postgres": {"tls": {"caSecretRef": {"name": "ca"}}},
                         "databases": [{"name": "o", "credentialsSecretRef": {"name": "orders-app"},
                          "application": {"instancesFrom": {"kind": "Deployment", "name": "worker"}}}],
                         "monitoring": {"redisSecretRef": {"name": "redis"}}})"),
      pool("half", R"({"databases": "nonsense"})"),
      std::make_shared<const Json>(Json{{"metadata", {{"namespace", "shop"}, {"name", "bare"}}}}),
  };
}

Json changed(const char* name, const char* owner = nullptr) {
  Json object = {{"metadata", {{"namespace", "shop"}, {"name", name}}}};
  if (owner != nullptr) {
    object["metadata"]["ownerReferences"] = {{{"kind", "ConnectionPool"}, {"name", owner}, {"controller", true}}};
  }
  return object;
}

std::vector<std::string> looked_at(const Json& object, const std::string& kind) {
  std::vector<std::string> names;
  for (const kube::WorkKey& key : pools_to_look_at(object, kind, pools())) {
    names.push_back(key.namespace_name + "/" + key.name);
  }
  return names;
}

TEST(Triggers, WhoeverIsConcernedIsLookedAt) {
  struct Case {
    const char* what;
    const char* kind;
    Json object;
    std::vector<std::string> pools;
  };
  const Case cases[] = {
      {"the pool itself", "ConnectionPool", changed("orders"), {"shop/orders"}},
      {"a pool that is not cached any more", "ConnectionPool", changed("gone"), {"shop/gone"}},
      {"a login", "Secret", changed("orders-app"), {"shop/orders"}},
      {"a CA", "Secret", changed("ca"), {"shop/orders"}},
      {"a Redis URL", "Secret", changed("redis"), {"shop/orders"}},
      {"somebody's Secret", "Secret", changed("other"), {}},
      {"a Secret called like a workload", "Secret", changed("worker"), {}},
      {"a workload of two pools", "Deployment", changed("worker"), {"shop/billing", "shop/orders"}},
      {"an object of ours", "ConfigMap", changed("orders-pool", "orders"), {"shop/orders"}},
      {"an object of ours whose pool is gone", "Service", changed("gone-pool", "gone"), {"shop/gone"}},
      {"an object of nobody", "ConfigMap", changed("orders-pool"), {}},
  };
  for (const Case& c : cases) EXPECT_EQ(looked_at(c.object, c.kind), c.pools) << c.what;
}

TEST(Triggers, APodIsFoundByItsLabel) {
  Json pod = changed("orders-pool-5d4-x");
  pod["metadata"]["labels"] = {{"poolwright.dev/pool", "orders"}};
  EXPECT_THAT(looked_at(pod, "Pod"), ElementsAre("shop/orders"));
  pod["metadata"]["labels"] = {{"poolwright.dev/pool", 5}};
  EXPECT_THAT(looked_at(pod, "Pod"), IsEmpty());
}

TEST(Triggers, AnOwnerThatDoesNotControlIsNone) {
  Json object = changed("orders-pool", "orders");
  object["metadata"]["ownerReferences"][0]["controller"] = false;
  EXPECT_THAT(looked_at(object, "ConfigMap"), IsEmpty());
  object["metadata"]["ownerReferences"][0] = {{"kind", "Other"}, {"name", "orders"}, {"controller", true}};
  EXPECT_THAT(looked_at(object, "ConfigMap"), IsEmpty());
}

bool is_update_relevant(const char* before, const char* after, const char* kind = "ConnectionPool") {
  return is_relevant({.before = std::make_shared<const Json>(Json::parse(before)),
                      .after = std::make_shared<const Json>(Json::parse(after))},
                     kind);
}

TEST(Triggers, AHeartbeatOfMetadataAloneDoesNotMatter) {
  EXPECT_FALSE(is_update_relevant(R"({"metadata": {"resourceVersion": "1"}, "spec": {"a": 1}})",
                                  R"({"metadata": {"resourceVersion": "2", "managedFields": []}, "spec": {"a": 1}})"));
  EXPECT_TRUE(is_update_relevant(R"({"spec": {"a": 1}})", R"({"spec": {"a": 2}})"));
  EXPECT_TRUE(is_update_relevant(R"({"spec": {}})", R"({"spec": {}, "status": {"summary": "theirs"}})"));
  EXPECT_TRUE(is_update_relevant(R"({"metadata": {}})", R"({"metadata": {"annotations": {"a": "b"}}})"));
  EXPECT_TRUE(is_update_relevant(R"({"metadata": {}})", R"({"metadata": {"deletionTimestamp": "now"}})"));
  EXPECT_TRUE(is_update_relevant(R"({"a": 1})", R"({"a": 1})", "Secret")) << "of other kinds every change counts";
  EXPECT_TRUE(is_relevant({.before = nullptr, .after = std::make_shared<const Json>()}, "ConnectionPool"));
}

}  // namespace
}  // namespace poolwright::run

#include "reconcile/stored_config.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "unit/reconcile/pool_facts.h"

namespace poolwright::reconcile {
namespace {

/// As the API server shows what was applied.
StoredObjects stored_by(const Decision& decision) {
  StoredObjects stored;
  for (api::Json object : decision.rendered->objects) {
    object["metadata"]["uid"] = "u";
    object["metadata"]["resourceVersion"] = "12";
    object["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z";
    object["metadata"]["managedFields"] = api::Json::array({{{"manager", "poolwright"}}});
    stored.by_key.emplace(api::key_of(object), std::make_shared<const api::Json>(object));
  }
  return stored;
}

const api::Json& rendered_object(const Decision& decision, const std::string& kind, const std::string& name) {
  for (const api::Json& object : decision.rendered->objects) {
    if (api::key_of(object).kind == kind && api::key_of(object).name == name) return object;
  }
  throw std::logic_error("not rendered: " + name);
}

TEST(StoredConfig, IsWhatWasAppliedAndNothingElse) {
  const Facts facts = testing::running_pool();
  const Decision decision = testing::decide_now(facts);
  const auto config = stored_config(stored_by(decision), facts.pool);
  ASSERT_TRUE(config.has_value());
  EXPECT_EQ(config->config_hash, decision.rendered->config_hash);
  EXPECT_EQ(config->config_map, rendered_object(decision, "ConfigMap", "orders-pool"));
  EXPECT_EQ(config->userlist, rendered_object(decision, "Secret", "orders-pool-userlist"));
  EXPECT_EQ(config->expected.user_marker, decision.rendered->user_marker);
  EXPECT_EQ(config->expected.settings.at("syslog_ident"), decision.rendered->marker);
  ASSERT_EQ(config->expected.databases.size(), 1U);
  EXPECT_EQ(config->expected.databases[0].options.at("pool_size"), "12");
}

TEST(StoredConfig, NothingOfAnotherOwnerIsEverPutBack) {
  Facts facts = testing::running_pool();
  const StoredObjects stored = stored_by(testing::decide_now(facts));
  facts.pool.uid = "made-anew";
  EXPECT_FALSE(stored_config(stored, facts.pool).has_value());
}

TEST(StoredConfig, HalfOfItIsNone) {
  const Facts facts = testing::running_pool();
  EXPECT_FALSE(stored_config({}, facts.pool).has_value());
  for (const auto& [kind, name] : {std::pair{"ConfigMap", "orders-pool"}, {"Secret", "orders-pool-userlist"}}) {
    StoredObjects stored = stored_by(testing::decide_now(facts));
    stored.by_key[{.api_version = "v1", .kind = kind, .namespace_name = "shop", .name = name}] = nullptr;
    EXPECT_FALSE(stored_config(stored, facts.pool).has_value()) << kind;
  }
  StoredObjects stored = stored_by(testing::decide_now(facts));
  api::Json torn = rendered_object(testing::decide_now(facts), "ConfigMap", "orders-pool");
  torn["data"]["pgbouncer.ini"] = "[databases\n";
  stored.by_key[api::key_of(torn)] = std::make_shared<const api::Json>(torn);
  EXPECT_FALSE(stored_config(stored, facts.pool).has_value());
}

}  // namespace
}  // namespace poolwright::reconcile

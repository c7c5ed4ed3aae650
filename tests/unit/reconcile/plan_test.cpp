#include "reconcile/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/reconcile/pool_facts.h"

namespace poolwright::reconcile {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::new_pool;
using testing::running_pool;

/// All that the decision wants, as the API server stores it.
StoredObjects everything(const Decision& decision) {
  StoredObjects stored;
  for (api::Json object : decision.rendered->objects) {
    object["metadata"]["uid"] = "uid-of-" + object["metadata"]["name"].get<std::string>();
    object["metadata"]["resourceVersion"] = "12";
    stored.by_key.emplace(api::key_of(object), std::make_shared<const api::Json>(object));
  }
  return stored;
}

std::vector<std::string> words_of(const Plan& plan) {
  std::vector<std::string> words;
  for (const Step& step : plan.steps) {
    const std::string text = describe(step);
    words.push_back(text.substr(0, text.find(std::holds_alternative<ProgramPods>(step) ? " pods" : "\n")));
  }
  return words;
}

api::Json& changeable(StoredObjects& stored, const std::string& kind, const std::string& name) {
  const api::ObjectKey key{
      .api_version = kind == "Deployment" ? "apps/v1" : "v1", .kind = kind, .namespace_name = "shop", .name = name};
  const auto copy = std::make_shared<api::Json>(*stored.by_key.at(key));
  stored.by_key[key] = copy;
  return *copy;
}

TEST(Plan, ANewPoolIsBuiltFromTheFilesUp) {
  const Facts facts = new_pool();
  EXPECT_THAT(words_of(make_plan(testing::decide_now(facts), {}, facts)),
              ElementsAre("apply ServiceAccount shop/orders-pool", "apply Secret shop/orders-pool-console",
                          "apply Secret shop/orders-pool-userlist", "apply ConfigMap shop/orders-pool",
                          "apply Secret shop/orders-orders-url", "apply Service shop/orders-pool",
                          "apply PodDisruptionBudget shop/orders-pool", "apply Deployment shop/orders-pool"))
      << "whoever starts finds what it mounts, and no pod is there to be programmed";
}

TEST(Plan, NothingIsAppliedWhereNothingDiffers) {
  const Facts facts = running_pool();
  const Decision decision = testing::decide_now(facts);
  EXPECT_THAT(words_of(make_plan(decision, everything(decision), facts)), ElementsAre("program"))
      << "which asks the pods, and changes nothing where they run it already";
}

TEST(Plan, FilesGoLiveBeforeWhatReliesOnThem) {
  Facts facts = running_pool();
  const StoredObjects stored = everything(testing::decide_now(facts));
  facts.secrets.insert_or_assign("orders-app", testing::login_secret("orders_app", "rotated"));
  facts.pool.spec.pgbouncer.replicas = 4;
  EXPECT_THAT(words_of(make_plan(testing::decide_now(facts), stored, facts)),
              ElementsAre("apply Secret shop/orders-pool-userlist", "apply ConfigMap shop/orders-pool", "program",
                          "apply Secret shop/orders-orders-url", "apply Deployment shop/orders-pool"));
}

TEST(Plan, DriftIsPutBack) {
  const Facts facts = running_pool();
  const Decision decision = testing::decide_now(facts);
  StoredObjects stored = everything(decision);
  changeable(stored, "Deployment", "orders-pool")["spec"]["replicas"] = 9;
  changeable(stored, "ConfigMap", "orders-pool")["data"]["theirs"] = "stays";
  stored.by_key.erase({.api_version = "v1", .kind = "Service", .namespace_name = "shop", .name = "orders-pool"});
  EXPECT_THAT(words_of(make_plan(decision, stored, facts)),
              ElementsAre("program", "apply Service shop/orders-pool", "apply Deployment shop/orders-pool"));
}

TEST(Plan, ANameThatIsTakenStopsEverything) {
  const Facts facts = running_pool();
  const Decision decision = testing::decide_now(facts);
  StoredObjects stored = everything(decision);
  api::Json& service = changeable(stored, "Service", "orders-pool");
  service["metadata"]["ownerReferences"][0] = {
      {"kind", "Database"}, {"name", "main"}, {"uid", "other"}, {"controller", true}};
  changeable(stored, "Secret", "orders-orders-url")["metadata"].erase("ownerReferences");
  changeable(stored, "Deployment", "orders-pool")["spec"]["replicas"] = 9;
  const Plan plan = make_plan(decision, stored, facts);
  EXPECT_THAT(plan.steps, IsEmpty());
  ASSERT_EQ(plan.conflicts.size(), 2U);
  EXPECT_EQ(to_string(plan.conflicts[0].key), "Secret shop/orders-orders-url");
  EXPECT_EQ(plan.conflicts[0].owner, "nobody");
  EXPECT_EQ(plan.conflicts[1].owner, "Database main");
}

TEST(Plan, ThePoolOfBeforeWithTheSameNameIsAnother) {
  Facts facts = running_pool();
  const StoredObjects stored = everything(testing::decide_now(facts));
  facts.pool.uid = "made-anew";
  EXPECT_FALSE(make_plan(testing::decide_now(facts), stored, facts).conflicts.empty());
}

TEST(Plan, WhatIsNoLongerWantedGoesLastAndOnlyIfItIsOurs) {
  Facts facts = running_pool();
  api::Database second = facts.pool.spec.databases[0];
  second.name = "second";
  facts.pool.spec.databases.push_back(second);
  const Decision both = testing::decide_now(facts);
  StoredObjects stored;
  for (const auto& [key, object] : everything(both).by_key) {
    if (key.name == "orders-second-url") stored.owned.push_back(object);
  }
  ASSERT_EQ(stored.owned.size(), 1U);
  api::Json foreign = *stored.owned[0];
  foreign["metadata"]["name"] = "foreign";
  foreign["metadata"]["ownerReferences"][0]["uid"] = "other";
  stored.owned.push_back(std::make_shared<const api::Json>(foreign));

  facts.pool.spec.databases.pop_back();
  const Plan plan = make_plan(testing::decide_now(facts), stored, facts);
  const auto removals = std::count_if(plan.steps.begin(), plan.steps.end(),
                                      [](const Step& step) { return std::holds_alternative<RemoveObject>(step); });
  EXPECT_EQ(removals, 1);
  const auto* last = std::get_if<RemoveObject>(&plan.steps.back());
  ASSERT_NE(last, nullptr);
  EXPECT_EQ(to_string(last->key), "Secret shop/orders-second-url");
  EXPECT_EQ(last->uid, "uid-of-orders-second-url");
}

TEST(Plan, WithoutADecisionNothingIsTouched) {
  const Facts facts = running_pool();
  StoredObjects stored = everything(testing::decide_now(facts));
  for (const auto& [key, object] : stored.by_key) stored.owned.push_back(object);
  EXPECT_THAT(make_plan(refuse({}, 1), stored, facts).steps, IsEmpty());
}

TEST(Plan, OnlyPodsThatCanAnswerAreProgrammed) {
  Facts facts = running_pool();
  const Decision decision = testing::decide_now(facts);
  facts.pods[0].terminating = true;
  facts.pods[1].address.clear();
  EXPECT_THAT(words_of(make_plan(decision, everything(decision), facts)), IsEmpty());
}

}  // namespace
}  // namespace poolwright::reconcile

// The annotations by which a person pauses reconciling or asks for it, and what status says then.
#include "reconcile/requests.h"

#include <gtest/gtest.h>

#include "reconcile/report.h"

namespace poolwright::reconcile {
namespace {

using api::Condition;
using api::ConditionStatus;
using api::Json;

Json pool_with(const Json& annotations, const Json& status = Json::object()) {
  return {{"metadata", {{"name", "orders"}, {"annotations", annotations}}}, {"status", status}};
}

TEST(Requests, OnlyDisabledPauses) {
  EXPECT_TRUE(is_paused(pool_with({{"poolwright.dev/reconcile", "disabled"}})));
  EXPECT_FALSE(is_paused(pool_with({{"poolwright.dev/reconcile", "enabled"}})));
  EXPECT_FALSE(is_paused(pool_with({{"poolwright.dev/reconcile", "Disabled"}})));
  EXPECT_FALSE(is_paused(Json{{"metadata", {{"name", "orders"}}}}));
}

TEST(Requests, AMistakeSaysWhatIsAllowed) {
  EXPECT_EQ(annotation_mistake(pool_with({{"poolwright.dev/reconcile", "disabled"}})), "");
  EXPECT_EQ(annotation_mistake(pool_with({{"poolwright.dev/reconcile", "enabled"}})), "");
  EXPECT_EQ(annotation_mistake(pool_with(Json::object())), "");
  EXPECT_EQ(
      annotation_mistake(pool_with({{"poolwright.dev/reconcile", "off"}})),
      "annotation poolwright.dev/reconcile: must be disabled or enabled; got \"off\", which is taken for enabled");
  EXPECT_LT(annotation_mistake(pool_with({{"poolwright.dev/reconcile", std::string(5000, 'x')}})).size(), 256U);
}

TEST(Requests, ARequestIsNewUntilStatusNamesIt) {
  const Json asked = {{"poolwright.dev/requested-at", "2026-01-01T00:00:00Z"}};
  EXPECT_TRUE(has_new_request(pool_with(asked)));
  EXPECT_TRUE(has_new_request(pool_with(asked, {{"lastHandledRequest", "2025-01-01T00:00:00Z"}})));
  EXPECT_FALSE(has_new_request(pool_with(asked, {{"lastHandledRequest", "2026-01-01T00:00:00Z"}})));
  EXPECT_FALSE(has_new_request(pool_with(Json::object(), {{"lastHandledRequest", "2026-01-01T00:00:00Z"}})));
}

TEST(Requests, ALongRequestIsHandledByItsBeginning) {
  const Json asked = {{"poolwright.dev/requested-at", std::string(300, 'x')}};
  const std::string request = request_of(pool_with(asked));
  EXPECT_EQ(request.size(), api::kRequestLengthMax);
  EXPECT_FALSE(has_new_request(pool_with(asked, {{"lastHandledRequest", request}})));
}

Facts two_pods(int ready) {
  Facts facts;
  facts.pool.name = "orders";
  facts.pool.generation = 8;
  facts.pool.spec.pgbouncer.replicas = 5;  // not applied: the pool is paused
  facts.deployment = {.exists = true, .replicas = 2};
  for (int i = 0; i < 2; ++i) facts.pods.push_back({.name = "pod-" + std::to_string(i), .ready = i < ready});
  return facts;
}

Json serving_status() {
  api::ConnectionPoolStatus status;
  status.observed_generation = 7;
  for (const char* type : {"Accepted", "Programmed", "Ready"}) {
    status.conditions.push_back({.type = type,
                                 .status = ConditionStatus::kTrue,
                                 .reason = "Seen",
                                 .message = "m",
                                 .observed_generation = 7,
                                 .last_transition_time = "2026-01-01T00:00:00Z"});
  }
  status.config_hash = "abc";
  status.replicas = status.ready_replicas = 2;
  return api::status_json(status);
}

Condition find(const Json& status, const std::string& type) {
  for (const Condition& condition : api::conditions_of(status)) {
    if (condition.type == type) return condition;
  }
  return {};
}

TEST(PausedStatus, KeepsWhatWasSeenAndSaysThatItIsPaused) {
  const Json status = paused_status(two_pods(2), serving_status(), "2026-01-02T00:00:00Z");
  EXPECT_TRUE(says_paused(status));
  EXPECT_FALSE(says_paused(serving_status()));
  EXPECT_EQ(status.at("observedGeneration"), 7) << "the new spec was not acted on";
  EXPECT_EQ(status.at("configHash"), "abc");
  EXPECT_EQ(find(status, "Reconciling").status, ConditionStatus::kFalse);
  EXPECT_EQ(find(status, "Reconciling").reason, "Paused");
  EXPECT_EQ(find(status, "Accepted").reason, "Seen");
  EXPECT_EQ(find(status, "Ready").status, ConditionStatus::kTrue) << "counted against what was applied";
  EXPECT_EQ(find(status, "Ready").observed_generation, 7);
  EXPECT_EQ(find(status, "Ready").last_transition_time, "2026-01-01T00:00:00Z");
}

TEST(PausedStatus, APodThatIsGoneIsNotHidden) {
  const Json status = paused_status(two_pods(1), serving_status(), "2026-01-02T00:00:00Z");
  EXPECT_EQ(find(status, "Ready").status, ConditionStatus::kFalse);
  EXPECT_EQ(find(status, "Ready").reason, "PodsNotReady");
  EXPECT_EQ(status.at("podsReady"), "1/2");
  EXPECT_EQ(find(status, "Ready").last_transition_time, "2026-01-02T00:00:00Z");
}

TEST(PausedStatus, IsTheSameWhenNothingChanged) {
  const Json first = paused_status(two_pods(2), serving_status(), "2026-01-02T00:00:00Z");
  EXPECT_TRUE(same_status(first, paused_status(two_pods(2), first, "2026-01-03T00:00:00Z")));
}

TEST(PausedStatus, OfASpecThatCannotBeUsedOnlySaysThatItIsPaused) {
  const Json status = paused_status(std::nullopt, serving_status(), "2026-01-02T00:00:00Z");
  EXPECT_TRUE(says_paused(status));
  EXPECT_EQ(status.at("podsReady"), "2/2");
  EXPECT_TRUE(says_paused(paused_status(std::nullopt, Json::object(), "2026-01-02T00:00:00Z")));
}

}  // namespace
}  // namespace poolwright::reconcile

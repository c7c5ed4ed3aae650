// The annotations by which a person pauses reconciling or asks for it, and what status says then.
#include "reconcile/requests.h"

#include <gtest/gtest.h>

#include "base/rfc3339.h"
#include "reconcile/report.h"

namespace poolwright::reconcile {
namespace {

using api::Condition;
using api::ConditionStatus;
using api::Json;

const WallTime kNow = *parse_rfc3339("2026-01-02T03:04:05Z");

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
  EXPECT_EQ(annotation_mistake(pool_with({{"poolwright.dev/reconcile", "disabled"}}), kNow), "");
  EXPECT_EQ(annotation_mistake(pool_with({{"poolwright.dev/reconcile", "enabled"}}), kNow), "");
  EXPECT_EQ(annotation_mistake(pool_with(Json::object()), kNow), "");
  EXPECT_EQ(
      annotation_mistake(pool_with({{"poolwright.dev/reconcile", "off"}}), kNow),
      "annotation poolwright.dev/reconcile: must be disabled or enabled; got \"off\", which is taken for enabled");
  EXPECT_LT(annotation_mistake(pool_with({{"poolwright.dev/reconcile", std::string(5000, 'x')}}), kNow).size(), 256U);
}

TEST(Requests, APauseEndsWithinAQuarterOfAnHour) {
  struct Case {
    const char* annotation;
    const char* until;  // "" where nobody is held up
    const char* mistake;
  };
  const Case cases[] = {
      {"2026-01-02T03:04:35Z", "2026-01-02T03:04:35Z", ""},
      {"2026-01-02T03:00:00Z", "2026-01-02T03:00:00Z", ""},
      {"2026-01-02T05:04:35+02:00", "2026-01-02T03:04:35Z", ""},
      {"2026-01-02T03:19:06Z", "", "must be at most 15 minutes ahead"},
      {"2126-01-02T03:19:06Z", "", "must be at most 15 minutes ahead"},
      {"tomorrow", "", "must be a time such as"},
  };
  for (const Case& one : cases) {
    const Json pool = pool_with({{kPauseUntilAnnotation, one.annotation}});
    const auto until = pause_until_of(pool, kNow);
    EXPECT_EQ(until ? format_rfc3339(*until) : "", one.until) << one.annotation;
    const std::string mistake = annotation_mistake(pool, kNow);
    EXPECT_EQ(mistake.empty(), std::string(one.mistake).empty()) << mistake;
    EXPECT_NE(mistake.find(one.mistake), std::string::npos) << mistake;
  }
}

TEST(Requests, AReconnectIsAskedForByATime) {
  const Json asked = pool_with({{kReconnectAnnotation, "2026-01-02T03:00:00Z"}});
  EXPECT_EQ(format_rfc3339(*reconnect_request_of(asked)), "2026-01-02T03:00:00Z");
  EXPECT_EQ(annotation_mistake(asked, kNow), "");
  const Json mistaken = pool_with({{kReconnectAnnotation, "now"}});
  EXPECT_FALSE(reconnect_request_of(mistaken));
  EXPECT_NE(annotation_mistake(mistaken, kNow).find(kReconnectAnnotation), std::string::npos);
}

TEST(Requests, ARotationIsAskedForByATime) {
  const Json asked = pool_with({{kRotateAnnotation, "2026-01-02T03:00:00Z"}});
  EXPECT_EQ(format_rfc3339(*rotate_request_of(asked)), "2026-01-02T03:00:00Z");
  EXPECT_EQ(annotation_mistake(asked, kNow), "");
  EXPECT_NE(annotation_mistake(pool_with({{kRotateAnnotation, "now"}}), kNow).find(kRotateAnnotation),
            std::string::npos);
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
  const Json status = paused_status(two_pods(2), {}, serving_status(), "2026-01-02T00:00:00Z");
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
  const Json status = paused_status(two_pods(1), {}, serving_status(), "2026-01-02T00:00:00Z");
  EXPECT_EQ(find(status, "Ready").status, ConditionStatus::kFalse);
  EXPECT_EQ(find(status, "Ready").reason, "PodsNotReady");
  EXPECT_EQ(status.at("podsReady"), "1/2");
  EXPECT_EQ(find(status, "Ready").last_transition_time, "2026-01-02T00:00:00Z");
}

TEST(PausedStatus, IsTheSameWhenNothingChanged) {
  const Json first = paused_status(two_pods(2), {}, serving_status(), "2026-01-02T00:00:00Z");
  EXPECT_TRUE(same_status(first, paused_status(two_pods(2), {}, first, "2026-01-03T00:00:00Z")));
}

TEST(PausedStatus, OfASpecThatCannotBeUsedOnlySaysThatItIsPaused) {
  const Json status = paused_status(std::nullopt, {}, serving_status(), "2026-01-02T00:00:00Z");
  EXPECT_TRUE(says_paused(status));
  EXPECT_EQ(status.at("podsReady"), "2/2");
  EXPECT_TRUE(says_paused(paused_status(std::nullopt, {}, Json::object(), "2026-01-02T00:00:00Z")));
}

}  // namespace
}  // namespace poolwright::reconcile

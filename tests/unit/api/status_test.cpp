#include "api/status.h"

#include <gtest/gtest.h>

#include "api/text.h"

namespace poolwright::api {
namespace {

Condition condition_of_type(const char* type, ConditionStatus status) {
  return {.type = type, .status = status, .reason = "Because", .message = "why", .observed_generation = 2};
}

TEST(StatusJson, SmallestStatusHasOnlyNumbers) {
  EXPECT_EQ(
      status_json({}),
      (Json{{"observedGeneration", 0}, {"replicas", 0}, {"readyReplicas", 0}, {"podsReady", "0/0"}, {"size", 0}}));
}

TEST(StatusJson, DerivedMembersForTheColumns) {
  ConnectionPoolStatus status;
  status.replicas = 3;
  status.ready_replicas = 2;
  status.databases = {
      {.name = "a", .utilization_percent = 40}, {.name = "b"}, {.name = "c", .utilization_percent = 90}};
  const Json json = status_json(status);
  EXPECT_EQ(json["podsReady"], "2/3");
  EXPECT_EQ(json["utilizationPercent"], 90);
  EXPECT_FALSE(json["databases"][1].contains("utilizationPercent"));
}

TEST(StatusJson, LongTextsAreCutBetweenCharacters) {
  ConnectionPoolStatus status;
  for (int i = 0; i < 600; ++i) status.summary += "ü";
  const auto summary = status_json(status)["summary"].get<std::string>();
  EXPECT_LE(summary.size(), 1024U);
  EXPECT_TRUE(is_utf8(summary));
  EXPECT_TRUE(summary.ends_with("ü..."));
}

TEST(Conditions, SurviveJson) {
  ConnectionPoolStatus status;
  status.conditions = merge_conditions({},
                                       {condition_of_type(condition::kReady, ConditionStatus::kTrue),
                                        condition_of_type(condition::kStalled, ConditionStatus::kFalse),
                                        condition_of_type(condition::kMetricsStale, ConditionStatus::kUnknown)},
                                       "2026-01-01T00:00:00Z");
  EXPECT_EQ(conditions_of(status_json(status)), status.conditions);
}

TEST(Conditions, MalformedOnesAreLeftOut) {
  const Json status = Json::parse(R"({"conditions": [
      5, null, {}, {"type": "A"}, {"type": "B", "status": "Maybe"}, {"type": "", "status": "True"},
      {"type": 5, "status": "True"}, {"type": "C", "status": true},
      {"type": "Good", "status": "True", "reason": 5, "observedGeneration": "x"}]})");
  const std::vector<Condition> conditions = conditions_of(status);
  ASSERT_EQ(conditions.size(), 1U);
  EXPECT_EQ(conditions[0].type, "Good");
  EXPECT_EQ(conditions[0].reason, "");
  EXPECT_EQ(conditions[0].observed_generation, 0);
  for (const char* text : {"null", "5", "{}", R"({"conditions": {}})", R"({"conditions": null})", "[]"}) {
    EXPECT_TRUE(conditions_of(Json::parse(text)).empty()) << text;
  }
}

TEST(Conditions, TransitionTimeStaysWhileTheStatusStays) {
  std::vector<Condition> previous = {condition_of_type("A", ConditionStatus::kTrue),
                                     condition_of_type("B", ConditionStatus::kTrue),
                                     condition_of_type("C", ConditionStatus::kTrue)};
  previous[0].last_transition_time = "old";
  previous[1].last_transition_time = "old";
  std::vector<Condition> wanted = {
      condition_of_type("A", ConditionStatus::kTrue), condition_of_type("B", ConditionStatus::kFalse),
      condition_of_type("C", ConditionStatus::kTrue), condition_of_type("D", ConditionStatus::kTrue)};
  wanted[0].reason = "OtherReason";
  const std::vector<Condition> merged = merge_conditions(previous, wanted, "new");
  EXPECT_EQ(merged[0].last_transition_time, "old");
  EXPECT_EQ(merged[0].reason, "OtherReason");
  EXPECT_EQ(merged[1].last_transition_time, "new");
  EXPECT_EQ(merged[2].last_transition_time, "new") << "the stored one had none";
  EXPECT_EQ(merged[3].last_transition_time, "new");
}

}  // namespace
}  // namespace poolwright::api

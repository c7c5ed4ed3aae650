// New console logins: when they are made, when those of before are forgotten, and what a person is told.
#include "reconcile/rotation.h"

#include <gtest/gtest.h>

#include "base/rfc3339.h"
#include "unit/reconcile/pool_facts.h"

namespace poolwright::reconcile {
namespace {

using testing::running_pool;

const auto kRandom = make_seeded_random(7);

std::optional<WallTime> at(const std::string& time) { return parse_rfc3339("2026-01-02T03:04:" + time + "Z"); }

render::ConsoleCredentials stored_logins(const std::string& rotated_for = "") {
  render::ConsoleCredentials stored = running_pool().console;
  stored.rotated_for = rotated_for;
  return stored;
}

/// A pool in the middle of a rotation.
Facts rotating_pool() {
  Facts facts = running_pool();
  facts.console = rotated(facts.console, at("05"), *kRandom);
  return facts;
}

ProgramReport read_back(const std::string& problem_of_b = "") {
  ProgramReport report;
  report.pods = {{.pod = "orders-pool-a"}, {.pod = "orders-pool-b", .problem = problem_of_b}};
  return report;
}

TEST(Rotation, IsDoneOnceForEachRequest) {
  EXPECT_FALSE(is_rotation_due(stored_logins(), std::nullopt));
  EXPECT_TRUE(is_rotation_due(stored_logins(), at("05")));
  EXPECT_TRUE(is_rotation_due(stored_logins("2026-01-02T03:04:04Z"), at("05")));
  EXPECT_FALSE(is_rotation_due(stored_logins("2026-01-02T03:04:05Z"), at("05")));
  EXPECT_FALSE(is_rotation_due(stored_logins("2026-01-02T03:04:05Z"), at("05.7"))) << "recorded in whole seconds";
  EXPECT_FALSE(is_rotation_due(stored_logins("2026-01-02T03:04:06Z"), at("05"))) << "an older text was put back";
}

TEST(Rotation, KeepsThePasswordThatPodsStillHave) {
  const render::ConsoleCredentials before = stored_logins();
  const render::ConsoleCredentials after = rotated(before, at("05"), *kRandom);
  EXPECT_NE(after.admin.password, before.admin.password);
  EXPECT_NE(after.stats.password, before.stats.password);
  EXPECT_EQ(after.previous_admin_password, before.admin.password);
  EXPECT_EQ(after.rotated_for, "2026-01-02T03:04:05Z");
}

TEST(Rotation, ASecondOneWaitsForTheFirst) {
  const render::ConsoleCredentials first = rotated(stored_logins(), at("05"), *kRandom);
  EXPECT_EQ(rotated(first, at("06"), *kRandom), first) << "a pod may have neither of the two newer ones";
  EXPECT_TRUE(is_rotation_due(first, at("06")));
}

TEST(Rotation, EndsOnceEveryPodWasReadBack) {
  Facts facts = rotating_pool();
  EXPECT_TRUE(all_took(facts, read_back()));
  EXPECT_FALSE(all_took(facts, std::nullopt));
  EXPECT_FALSE(all_took(facts, read_back("cannot be reached")));
  facts.pods[1].terminating = true;
  EXPECT_TRUE(all_took(facts, read_back("cannot be reached"))) << "its console is not spoken to any more";
  facts.pods.push_back({.name = "orders-pool-c", .at_gate = true});
  EXPECT_FALSE(all_took(facts, read_back())) << "it may start by itself with the files of before";
  facts.pods.clear();
  EXPECT_TRUE(all_took(facts, std::nullopt));
}

TEST(Rotation, ThePlanEndsWithForgetting) {
  const Facts facts = rotating_pool();
  const Plan plan = make_plan(testing::decide_now(facts), {}, facts);
  ASSERT_TRUE(std::holds_alternative<EndRotation>(plan.steps.back()));
  const auto left = render::read_console_credentials(std::get<EndRotation>(plan.steps.back()).secret);
  ASSERT_TRUE(left);
  EXPECT_FALSE(left->previous_admin_password);
  EXPECT_EQ(left->admin, facts.console.admin);
  EXPECT_EQ(left->rotated_for, facts.console.rotated_for);
}

TEST(Rotation, TheConditionSaysHowFarItIs) {
  Outcome outcome;
  EXPECT_FALSE(rotation_condition(running_pool(), outcome)) << "nobody asked";
  const Facts facts = rotating_pool();
  outcome.program = read_back("cannot be reached");
  auto condition = rotation_condition(facts, outcome);
  ASSERT_TRUE(condition);
  EXPECT_EQ(testing::words_of({*condition}, "ConsoleRotated"), "False Rotating");
  EXPECT_NE(condition->message.find("asked for at 2026-01-02T03:04:05Z are live on 1 of 2 pods"), std::string::npos)
      << condition->message;
  outcome.program = read_back();
  outcome.rotation_ended = true;
  condition = rotation_condition(facts, outcome);
  EXPECT_EQ(testing::words_of({*condition}, "ConsoleRotated"), "True Rotated");
  EXPECT_EQ(condition->message.find(facts.console.admin.password.reveal()), std::string::npos);
}

TEST(Rotation, IsToldOnce) {
  Facts facts = rotating_pool();
  const auto status_of = [&](bool has_ended) {
    Outcome outcome;
    outcome.program = read_back();
    outcome.rotation_ended = has_ended;
    api::ConnectionPoolStatus status;
    status.conditions = {*rotation_condition(facts, outcome)};
    return api::status_json(status);
  };
  EXPECT_FALSE(rotation_news(api::Json::object(), status_of(false)));
  EXPECT_TRUE(rotation_news(api::Json::object(), status_of(true)));
  EXPECT_TRUE(rotation_news(status_of(false), status_of(true)));
  EXPECT_FALSE(rotation_news(status_of(true), status_of(true)));
  const api::Json first = status_of(true);
  facts.console.rotated_for = "2026-01-02T03:05:00Z";
  EXPECT_TRUE(rotation_news(first, status_of(true))) << "another one, so quick that status never said it was under way";
}

}  // namespace
}  // namespace poolwright::reconcile

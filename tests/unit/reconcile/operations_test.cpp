#include "reconcile/operations.h"

#include <gtest/gtest.h>

#include "base/rfc3339.h"
#include "reconcile/requests.h"

namespace poolwright::reconcile {
namespace {

using api::Json;
using std::chrono::minutes;
using std::chrono::seconds;

const WallTime kNow = *parse_rfc3339("2026-01-02T03:04:05Z");

std::string in(seconds later) { return format_rfc3339(kNow + later); }

Json pool_with(const Json& annotations) {
  return {{"metadata", {{"namespace", "shop"}, {"name", "orders"}, {"annotations", annotations}}}};
}

PodFacts pod_of(seconds age, std::optional<WallTime> reconnected_at = std::nullopt) {
  PodFacts pod;
  pod.name = "orders-pool-a";
  pod.created_at = kNow - age;
  pod.reconnected_at = reconnected_at;
  return pod;
}

using Databases = std::map<std::string, DatabaseState>;

/// By a PgBouncer that cannot pause all databases together.
std::vector<PodStep> steps(const Json& annotations, const Databases& databases,
                           const PodFacts& pod = pod_of(minutes{90}), std::optional<bool> together = std::nullopt) {
  return steps_for(wanted_operations(pool_with(annotations), std::nullopt, kNow), pod, {together, databases});
}

constexpr auto kPause = PodOperation::kPause;
constexpr auto kResume = PodOperation::kResume;
constexpr auto kReconnect = PodOperation::kReconnect;
using Steps = std::vector<PodStep>;

const DatabaseState kServing{.paused = false, .running = 3};
const DatabaseState kHeld{.paused = true, .running = 0};

TEST(Operations, APauseHoldsUpEveryDatabaseUntilItsTime) {
  const Json pause = {{kPauseUntilAnnotation, in(seconds{30})}};
  EXPECT_EQ(steps(pause, {{"billing", kServing}, {"orders", kServing}}),
            (Steps{{kPause, "billing"}, {kPause, "orders"}}));
  EXPECT_EQ(steps(pause, {{"billing", kHeld}, {"orders", kServing}}), (Steps{{kPause, "orders"}}));
  EXPECT_EQ(steps(pause, {{"billing", kHeld}, {"orders", kHeld}}), Steps{});
}

TEST(Operations, AllDatabasesArePausedTogetherWhereThatCanBeSeen) {
  const Json pause = {{kPauseUntilAnnotation, in(seconds{30})}};
  const PodFacts pod = pod_of(minutes{90});
  const Databases serving{{"billing", kServing}, {"orders", kServing}};
  EXPECT_EQ(steps(pause, serving, pod, false), (Steps{{kPause, ""}}));
  EXPECT_EQ(steps(pause, serving, pod, true), Steps{});
  EXPECT_EQ(steps(Json::object(), serving, pod, true), (Steps{{kResume, ""}}));
  EXPECT_EQ(steps(Json::object(), serving, pod, false), Steps{});
  EXPECT_EQ(steps(Json::object(), {{"billing", kHeld}, {"orders", kServing}}, pod, true),
            (Steps{{kResume, "billing"}, {kResume, ""}}))
      << "somebody paused one of them by hand";
}

TEST(Operations, WhatNobodyWantsPausedIsResumed) {
  const Databases left_behind{{"gone", kHeld}, {"orders", kHeld}};
  const Steps all{{kResume, "gone"}, {kResume, "orders"}};
  EXPECT_EQ(steps(Json::object(), left_behind), all);
  EXPECT_EQ(steps({{kPauseUntilAnnotation, in(seconds{0})}}, left_behind), all);
  EXPECT_EQ(steps({{kPauseUntilAnnotation, "soon"}}, left_behind), all) << "what cannot be read is no pause";
  EXPECT_EQ(steps({{kPauseUntilAnnotation, in(minutes{600})}}, left_behind), all) << "nor what is too far away";
}

TEST(Operations, NothingIsDoneToAPodThatTerminates) {
  PodFacts pod = pod_of(minutes{90});
  pod.terminating = true;
  const Json both = {{kPauseUntilAnnotation, in(seconds{30})}, {kReconnectAnnotation, in(seconds{-5})}};
  EXPECT_EQ(steps(both, {{"orders", kServing}}, pod), Steps{});
  EXPECT_EQ(steps(Json::object(), {{"orders", kHeld}}, pod), Steps{});
}

TEST(Operations, ReconnectIsDoneOnceOnEachPodThatIsOlderThanTheRequest) {
  struct Case {
    const char* what;
    PodFacts pod;
    bool is_due;
  };
  const Case cases[] = {
      {"old", pod_of(minutes{90}), true},
      {"made in the second before it", pod_of(seconds{5}), true},
      {"younger", pod_of(seconds{4}), false},
      {"told already", pod_of(minutes{90}, kNow - seconds{5}), false},
      {"told of an earlier one", pod_of(minutes{90}, kNow - minutes{5}), true},
      {"told of a later one", pod_of(minutes{90}, kNow), false},
  };
  for (const Case& one : cases) {
    const Steps expected = one.is_due ? Steps{{kReconnect, "orders"}} : Steps{};
    EXPECT_EQ(steps({{kReconnectAnnotation, in(seconds{-5})}}, {{"orders", kServing}}, one.pod), expected) << one.what;
  }
}

TEST(Operations, AnOldOrUnreadableRequestIsNoRequest) {
  EXPECT_EQ(steps({{kReconnectAnnotation, in(minutes{-60})}}, {{"orders", kServing}}), Steps{});
  EXPECT_EQ(steps({{kReconnectAnnotation, "now"}}, {{"orders", kServing}}), Steps{});
}

TEST(Operations, AServerThatWasReplacedIsAReasonToReconnect) {
  const auto due = [](const Json& annotations, std::optional<WallTime> since, const PodFacts& pod) {
    return needs_reconnect(wanted_operations(pool_with(annotations), since, kNow), pod);
  };
  EXPECT_TRUE(due(Json::object(), kNow - seconds{9}, pod_of(minutes{90})));
  EXPECT_FALSE(due(Json::object(), kNow - seconds{9}, pod_of(seconds{3})));
  EXPECT_FALSE(due(Json::object(), kNow - minutes{60}, pod_of(minutes{90}))) << "its connections were replaced by age";
  EXPECT_FALSE(due(Json::object(), std::nullopt, pod_of(minutes{90})));
  // The later of the two counts.
  const Json asked = {{kReconnectAnnotation, in(seconds{-20})}};
  EXPECT_TRUE(due(asked, kNow - seconds{9}, pod_of(minutes{90}, kNow - seconds{20})));
  EXPECT_TRUE(due(asked, kNow - minutes{9}, pod_of(minutes{90}, kNow - minutes{9})));
}

TEST(Operations, TheFractionOfASecondIsNoReasonToDoItAgain) {
  const WantedOperations wanted =
      wanted_operations(pool_with(Json::object()), kNow - std::chrono::milliseconds{300}, kNow);
  EXPECT_EQ(wanted.reconnect_at, kNow - seconds{1});
  EXPECT_FALSE(needs_reconnect(wanted, pod_of(minutes{90}, parse_rfc3339(format_rfc3339(*wanted.reconnect_at)))));
}

TEST(Operations, ReconnectComesBeforeResume) {
  EXPECT_EQ(steps({{kReconnectAnnotation, in(seconds{-5})}}, {{"orders", kHeld}}),
            (Steps{{kReconnect, "orders"}, {kResume, "orders"}}));
}

OperationReport report_of(const Json& annotations, std::vector<PodOperated> pods) {
  return {.wanted = wanted_operations(pool_with(annotations), std::nullopt, kNow),
          .pods = std::move(pods),
          .reconnect_blocked = {}};
}

PodOperated operated(const char* pod, Databases databases, std::optional<bool> together = std::nullopt) {
  PodOperated seen{.pod = pod};
  seen.is_observed = true;
  seen.state = {together, std::move(databases)};
  return seen;
}

TEST(PausedCondition, SaysWhatHoldsUpClients) {
  struct Case {
    const char* what;
    OperationReport report;
    Json status;
    const char* expected;  // status, reason, message
  };
  const Json was_paused = {{"conditions", {{{"type", "ClientsPaused"}, {"status", "True"}}}}};
  const Json pause = {{kPauseUntilAnnotation, in(seconds{30})}};
  const Json over = {{kPauseUntilAnnotation, in(seconds{-1})}};
  const PodOperated serving = operated("a", {{"orders", kServing}});
  const PodOperated held = operated("a", {{"orders", kHeld}});
  const PodOperated busy = operated("b", {{"orders", {.paused = true, .running = 2}}});
  const Case cases[] = {
      {"never", report_of(Json::object(), {serving}), Json::object(), ""},
      {"all at rest", report_of(pause, {held}), Json::object(),
       "True Paused 1 of 1 pod paused until 2026-01-02T03:04:35Z; clients wait, then it ends by itself"},
      {"all at rest together", report_of(pause, {operated("a", {{"orders", {}}}, true)}), Json::object(),
       "True Paused 1 of 1 pod paused until 2026-01-02T03:04:35Z; clients wait, then it ends by itself"},
      {"one not yet", report_of(pause, {held, busy}), Json::object(),
       "True Pausing 1 of 2 pods paused until 2026-01-02T03:04:35Z; clients wait, then it ends by itself; 2 "
       "transactions must end first"},
      {"not begun", report_of(pause, {}), Json::object(),
       "True Paused 0 of 0 pods paused until 2026-01-02T03:04:35Z; clients wait, then it ends by itself"},
      {"left behind", report_of(Json::object(), {held}), Json::object(),
       "True Resuming 1 of 1 pod still paused though nobody asks for it any more"},
      {"ended", report_of(Json::object(), {serving}), was_paused, "False NotPaused no client is held up"},
      {"over", report_of(over, {serving}), was_paused, "False Expired no client is held up"},
  };
  for (const Case& one : cases) {
    const auto condition = paused_condition(one.report, one.status);
    const std::string words = !condition ? ""
                                         : (condition->status == api::ConditionStatus::kTrue ? "True " : "False ") +
                                               condition->reason + " " + condition->message;
    EXPECT_EQ(words, one.expected) << one.what;
  }
}

TEST(OperationReport, IsCompleteOnceAllIsAsWanted) {
  const Json pause = {{kPauseUntilAnnotation, in(seconds{30})}};
  EXPECT_TRUE(report_of(pause, {operated("a", {{"orders", kHeld}})}).complete());
  EXPECT_FALSE(report_of(pause, {operated("a", {{"orders", {.paused = true, .running = 1}}})}).complete());
  EXPECT_FALSE(report_of(Json::object(), {{.pod = "a"}}).complete()) << "its console did not answer yet";
  OperationReport blocked = report_of(Json::object(), {});
  EXPECT_TRUE(blocked.complete());
  blocked.reconnect_blocked = "too many clients";
  EXPECT_FALSE(blocked.complete());
}

TEST(OperationNews, TellWhatWasDoneAndNothingElse) {
  PodOperated pod = operated("a", {{"orders", kServing}});
  EXPECT_TRUE(news_of(report_of(Json::object(), {pod})).empty());
  pod.was_resumed = true;
  const auto expired = news_of(report_of({{kPauseUntilAnnotation, in(seconds{-1})}}, {pod}));
  ASSERT_EQ(expired.size(), 1U);
  EXPECT_EQ(expired[0].reason, "PauseExpired");
  EXPECT_EQ(expired[0].message, "the pause until 2026-01-02T03:04:04Z is over; 1 pod resumed without being asked to");
  EXPECT_TRUE(expired[0].warning);
  EXPECT_EQ(news_of(report_of(Json::object(), {pod})).at(0).reason, "ClientsResumed");
  PodOperated renewed = operated("a", {{"orders", kServing}});
  renewed.was_reconnected = true;
  const auto told = news_of(report_of({{kReconnectAnnotation, in(seconds{-5})}}, {renewed}));
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].reason, "Reconnected");
  EXPECT_EQ(told[0].message, "1 pod replaced server connections of before 2026-01-02T03:04:00Z, as was asked for");
}

}  // namespace
}  // namespace poolwright::reconcile

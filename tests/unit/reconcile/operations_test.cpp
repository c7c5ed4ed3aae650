#include "reconcile/operations.h"

#include <gtest/gtest.h>

#include "base/rfc3339.h"

namespace poolwright::reconcile {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

const WallTime kNow = *parse_rfc3339("2026-01-02T03:04:05Z");

api::ConnectionPool pool_with(std::map<std::string, std::string> annotations) {
  api::ConnectionPool pool;
  pool.name = "orders";
  pool.annotations = std::move(annotations);
  pool.spec.databases = {{.name = "orders"}, {.name = "billing"}};
  return pool;
}

std::string in(seconds later) { return format_rfc3339(kNow + later); }

std::vector<PodStep> steps(const api::ConnectionPool& pool, const std::map<std::string, bool>& paused,
                           const PodFacts& pod = {}) {
  return steps_for(wanted_operations(pool, kNow), pool, pod, paused);
}

constexpr auto kPause = PodOperation::kPause;
constexpr auto kResume = PodOperation::kResume;
constexpr auto kReconnect = PodOperation::kReconnect;
using Steps = std::vector<PodStep>;

TEST(Operations, APauseHoldsUpEveryDatabaseUntilItsTime) {
  const auto pool = pool_with({{kPauseUntilAnnotation, in(seconds{30})}});
  EXPECT_EQ(steps(pool, {{"billing", false}, {"orders", false}}), (Steps{{kPause, "billing"}, {kPause, "orders"}}));
  EXPECT_EQ(steps(pool, {{"billing", true}, {"orders", false}}), (Steps{{kPause, "orders"}}));
  EXPECT_EQ(steps(pool, {{"billing", true}, {"orders", true}}), Steps{});
}

TEST(Operations, WhatNobodyWantsPausedIsResumed) {
  const std::map<std::string, bool> left_behind{{"gone", true}, {"orders", true}};
  EXPECT_EQ(steps(pool_with({}), left_behind), (Steps{{kResume, "gone"}, {kResume, "orders"}}));
  EXPECT_EQ(steps(pool_with({{kPauseUntilAnnotation, in(seconds{-1})}}), left_behind),
            (Steps{{kResume, "gone"}, {kResume, "orders"}}));
  EXPECT_EQ(steps(pool_with({{kPauseUntilAnnotation, "soon"}}), left_behind),
            (Steps{{kResume, "gone"}, {kResume, "orders"}}))
      << "what cannot be read is no pause";
}

TEST(Operations, ADatabaseThatIsNotOursIsNeverPaused) {
  EXPECT_EQ(steps(pool_with({{kPauseUntilAnnotation, in(seconds{30})}}), {{"theirs", false}}), Steps{});
}

TEST(Operations, NothingIsDoneToAPodThatTerminates) {
  const auto pool = pool_with({{kPauseUntilAnnotation, in(seconds{30})}, {kReconnectAnnotation, in(seconds{-5})}});
  EXPECT_EQ(steps(pool, {{"orders", false}}, {.terminating = true}), Steps{});
}

TEST(Operations, APauseEndsWithinAnHour) {
  const WantedOperations wanted = wanted_operations(pool_with({{kPauseUntilAnnotation, in(minutes{600})}}), kNow);
  EXPECT_TRUE(wanted.paused);
  EXPECT_EQ(*wanted.pause_until, kNow + kPauseMax);
}

TEST(Operations, ReconnectIsDoneOnceOnEachPodThatIsOlderThanTheRequest) {
  const std::string request = in(seconds{-5});
  const auto pool = pool_with({{kReconnectAnnotation, request}});
  EXPECT_EQ(steps(pool, {{"orders", false}}), (Steps{{kReconnect, "orders"}}));
  EXPECT_EQ(steps(pool, {{"orders", false}}, {.reconnected = request}), Steps{});
  EXPECT_EQ(steps(pool, {{"orders", false}}, {.reconnected = in(seconds{-90})}), (Steps{{kReconnect, "orders"}}));
  EXPECT_EQ(steps(pool, {{"orders", false}}, {.created_at = kNow - seconds{1}}), Steps{});
  EXPECT_EQ(steps(pool, {{"orders", false}}, {.created_at = kNow - seconds{9}}), (Steps{{kReconnect, "orders"}}));
}

TEST(Operations, AnOldRequestIsForgottenAndAnUnreadableOneIsTold) {
  EXPECT_EQ(steps(pool_with({{kReconnectAnnotation, in(minutes{-61})}}), {{"orders", false}}), Steps{});
  const WantedOperations wanted = wanted_operations(pool_with({{kReconnectAnnotation, "now"}}), kNow);
  EXPECT_TRUE(wanted.reconnect.empty());
  EXPECT_NE(wanted.problem.find(kReconnectAnnotation), std::string::npos);
}

TEST(Operations, ReconnectComesBeforeResume) {
  EXPECT_EQ(steps(pool_with({{kReconnectAnnotation, in(seconds{-5})}}), {{"orders", true}}),
            (Steps{{kReconnect, "orders"}, {kResume, "orders"}}));
}

OperationReport report_of(const api::ConnectionPool& pool, std::vector<PodOperated> pods) {
  return {.wanted = wanted_operations(pool, kNow), .pods = std::move(pods), .reconnect_blocked = {}};
}

TEST(PausedCondition, IsThereOnceThereWasAPause) {
  EXPECT_FALSE(paused_condition(report_of(pool_with({}), {{.pod = "a", .paused = {{"orders", false}}}}), false));
  const auto cleared = paused_condition(report_of(pool_with({}), {{.pod = "a"}}), true);
  EXPECT_EQ(cleared->status, api::ConditionStatus::kFalse);
  const auto pool = pool_with({{kPauseUntilAnnotation, in(seconds{30})}});
  const auto paused =
      paused_condition(report_of(pool, {{.pod = "a", .paused = {{"orders", true}}}, {.pod = "b"}}), false);
  EXPECT_EQ(paused->status, api::ConditionStatus::kTrue);
  EXPECT_EQ(paused->message, "1 of 2 pods paused until 2026-01-02T03:04:35Z; clients wait, then it ends by itself");
  const auto left = paused_condition(report_of(pool_with({}), {{.pod = "a", .paused = {{"orders", true}}}}), false);
  EXPECT_EQ(left->reason, "Resuming");
}

TEST(OperationNews, TellWhatHappenedAndNothingElse) {
  EXPECT_TRUE(news_of(report_of(pool_with({}), {{.pod = "a", .is_observed = true}})).empty());
  const auto over = pool_with({{kPauseUntilAnnotation, in(seconds{-1})}});
  const auto expired = news_of(report_of(over, {{.pod = "a", .resumed = 2}}));
  ASSERT_EQ(expired.size(), 1U);
  EXPECT_EQ(expired[0].reason, "PauseExpired");
  EXPECT_TRUE(expired[0].warning);
  EXPECT_EQ(news_of(report_of(pool_with({}), {{.pod = "a", .resumed = 1}})).at(0).reason, "ClientsResumed");
  OperationReport blocked = report_of(pool_with({}), {});
  blocked.reconnect_blocked = "too many clients";
  EXPECT_EQ(news_of(blocked).at(0).reason, "ReconnectPostponed");
  EXPECT_FALSE(blocked.complete());
}

}  // namespace
}  // namespace poolwright::reconcile

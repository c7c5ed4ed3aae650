#include "reconcile/operations.h"

#include <algorithm>

#include "base/rfc3339.h"

namespace poolwright::reconcile {

namespace {

std::string annotation_of(const api::ConnectionPool& pool, const char* name) {
  const auto found = pool.annotations.find(name);
  return found == pool.annotations.end() ? std::string() : found->second;
}

std::string not_a_time(const char* name) {
  return std::string("annotation ") + name + " must be a time such as 2026-01-02T03:04:05Z; it is not looked at";
}

std::string plural(std::size_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

bool is_paused(const PodOperated& pod) {
  return std::any_of(pod.paused.begin(), pod.paused.end(), [](const auto& database) { return database.second; });
}

/// A pod that is younger than the request has no older connection.
bool needs_reconnect(const WantedOperations& wanted, const PodFacts& pod) {
  if (wanted.reconnect.empty() || pod.reconnected == wanted.reconnect) return false;
  return !pod.created_at || *pod.created_at <= *wanted.reconnect_at;
}

}  // namespace

WantedOperations wanted_operations(const api::ConnectionPool& pool, WallTime now) {
  WantedOperations wanted;
  if (const std::string text = annotation_of(pool, kPauseUntilAnnotation); !text.empty()) {
    wanted.pause_until = parse_rfc3339(text);
    if (!wanted.pause_until) wanted.problem = not_a_time(kPauseUntilAnnotation);
  }
  if (wanted.pause_until) {
    wanted.pause_until = std::min(*wanted.pause_until, now + kPauseMax);
    wanted.paused = now < *wanted.pause_until;
  }
  const std::string request = annotation_of(pool, kReconnectAnnotation);
  if (request.empty()) return wanted;
  wanted.reconnect_at = parse_rfc3339(request);
  if (!wanted.reconnect_at) wanted.problem = not_a_time(kReconnectAnnotation);
  // One that lies in the future is taken for a clock that goes ahead.
  if (wanted.reconnect_at && now - *wanted.reconnect_at < kReconnectAgeMax) wanted.reconnect = request;
  return wanted;
}

std::vector<PodStep> steps_for(const WantedOperations& wanted, const api::ConnectionPool& pool, const PodFacts& pod,
                               const std::map<std::string, bool>& paused) {
  std::vector<PodStep> steps;
  if (pod.terminating) return steps;
  const auto is_ours = [&](const std::string& name) {
    return std::any_of(pool.spec.databases.begin(), pool.spec.databases.end(),
                       [&](const api::Database& database) { return database.name == name; });
  };
  const bool reconnect = needs_reconnect(wanted, pod);
  for (const auto& [database, is_paused_now] : paused) {
    const bool should_pause = wanted.paused && is_ours(database);
    // Before a resume, so that what runs after it runs on new connections.
    if (reconnect && is_ours(database)) steps.push_back({PodOperation::kReconnect, database});
    if (should_pause && !is_paused_now) steps.push_back({PodOperation::kPause, database});
    if (!should_pause && is_paused_now) steps.push_back({PodOperation::kResume, database});
  }
  return steps;
}

bool OperationReport::complete() const {
  if (!reconnect_blocked.empty()) return false;
  return std::all_of(pods.begin(), pods.end(),
                     [](const PodOperated& pod) { return pod.is_observed && pod.problem.empty(); });
}

bool OperationReport::any_paused() const { return std::any_of(pods.begin(), pods.end(), is_paused); }

std::optional<api::Condition> paused_condition(const OperationReport& report, bool was_there) {
  const bool any = report.any_paused();
  if (!any && !report.wanted.paused && !was_there) return std::nullopt;
  api::Condition condition{
      .type = kPausedCondition,
      .status = any || report.wanted.paused ? api::ConditionStatus::kTrue : api::ConditionStatus::kFalse};
  const auto paused = static_cast<std::size_t>(std::count_if(report.pods.begin(), report.pods.end(), is_paused));
  const std::string pods = std::to_string(paused) + " of " + plural(report.pods.size(), "pod");
  if (report.wanted.paused) {
    condition.reason = "Requested";
    condition.message =
        pods + " paused until " + format_rfc3339(*report.wanted.pause_until) + "; clients wait, then it ends by itself";
  } else if (any) {
    condition.reason = "Resuming";
    condition.message = pods + " still paused though nobody asks for it any more";
  } else {
    condition.reason = "NotPaused";
    condition.message = "no database is paused";
  }
  return condition;
}

std::vector<OperationNews> news_of(const OperationReport& report) {
  std::vector<OperationNews> news;
  std::size_t resumed = 0;
  std::size_t reconnected = 0;
  for (const PodOperated& pod : report.pods) {
    resumed += pod.resumed > 0 ? 1U : 0U;
    reconnected += pod.is_reconnected ? 1U : 0U;
  }
  if (resumed > 0 && report.wanted.pause_until) {
    news.push_back({.reason = "PauseExpired",
                    .message = "the pause until " + format_rfc3339(*report.wanted.pause_until) + " is over; " +
                               plural(resumed, "pod") + " resumed without being asked to",
                    .warning = true});
  } else if (resumed > 0) {
    news.push_back(
        {.reason = "ClientsResumed", .message = plural(resumed, "pod") + " resumed: nobody asks for a pause"});
  }
  if (reconnected > 0) {
    news.push_back({.reason = "Reconnected",
                    .message = plural(reconnected, "pod") + " renew their server connections, as asked for at " +
                               report.wanted.reconnect});
  }
  if (!report.reconnect_blocked.empty()) {
    news.push_back(
        {.reason = "ReconnectPostponed",
         .message = "server connections are kept while PostgreSQL refuses logins: " + report.reconnect_blocked,
         .warning = true});
  }
  if (!report.wanted.problem.empty()) {
    news.push_back({.reason = "InvalidAnnotation", .message = report.wanted.problem, .warning = true});
  }
  return news;
}

}  // namespace poolwright::reconcile

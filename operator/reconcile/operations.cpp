#include "reconcile/operations.h"

#include <algorithm>

#include "api/text.h"
#include "reconcile/requests.h"

namespace poolwright::reconcile {

namespace {

template <typename Holds>
std::int64_t count_pods(const OperationReport& report, Holds holds) {
  return std::count_if(report.pods.begin(), report.pods.end(), holds);
}

bool has_paused(const PodOperated& pod) {
  return std::any_of(pod.state.databases.begin(), pod.state.databases.end(),
                     [&](const auto& database) { return pod.state.is_paused(database.second); });
}

/// Clients of every database wait, and their last transaction has ended.
bool is_at_rest(const PodOperated& pod) {
  return pod.is_observed &&
         std::all_of(pod.state.databases.begin(), pod.state.databases.end(), [&](const auto& database) {
           return pod.state.is_paused(database.second) && database.second.running == 0;
         });
}

std::int64_t transactions(const OperationReport& report) {
  std::int64_t running = 0;
  for (const PodOperated& pod : report.pods) {
    for (const auto& [name, database] : pod.state.databases) running += database.running;
  }
  return running;
}

WallTime whole_second(WallTime time) { return std::chrono::floor<std::chrono::seconds>(time); }

/// The newest of the two that is not too old to matter. A request of the future is taken for a clock that goes ahead.
void want_reconnect(WantedOperations& wanted, std::optional<WallTime> at, const std::string& cause, WallTime now) {
  if (!at || now - *at >= kReconnectAgeMax) return;
  if (wanted.reconnect_at && *wanted.reconnect_at >= whole_second(*at)) return;
  wanted.reconnect_at = whole_second(*at);
  wanted.reconnect_cause = cause;
}

}  // namespace

WantedOperations wanted_operations(const api::Json& pool, std::optional<WallTime> serving_since, WallTime now) {
  WantedOperations wanted{.pause_until = pause_until_of(pool, now)};
  wanted.paused = wanted.pause_until && now < *wanted.pause_until;
  want_reconnect(wanted, reconnect_request_of(pool), "as was asked for", now);
  want_reconnect(wanted, serving_since, "when the PostgreSQL that answers now began to", now);
  return wanted;
}

bool needs_reconnect(const WantedOperations& wanted, const PodFacts& pod) {
  if (!wanted.reconnect_at || pod.terminating) return false;
  if (pod.reconnected_at && *pod.reconnected_at >= *wanted.reconnect_at) return false;
  return !pod.created_at || *pod.created_at <= *wanted.reconnect_at;
}

std::vector<PodStep> steps_for(const WantedOperations& wanted, const PodFacts& pod, const PodState& state) {
  std::vector<PodStep> steps;
  if (pod.terminating) return steps;
  const auto add_for_each = [&](PodOperation operation, bool if_paused) {
    for (const auto& [name, database] : state.databases) {
      if (database.paused == if_paused) steps.push_back({operation, name});
    }
  };
  // Before a resume, so that what runs after it runs on new connections.
  if (needs_reconnect(wanted, pod)) {
    for (const auto& [name, database] : state.databases) steps.push_back({PodOperation::kReconnect, name});
  }
  if (!wanted.paused) {
    add_for_each(PodOperation::kResume, true);
    if (state.together.value_or(false)) steps.push_back({PodOperation::kResume, ""});
  } else if (!state.together) {
    add_for_each(PodOperation::kPause, false);
  } else if (!*state.together) {
    steps.push_back({PodOperation::kPause, ""});
  }
  return steps;
}

bool OperationReport::complete() const {
  if (!reconnect_blocked.empty()) return false;
  return std::all_of(pods.begin(), pods.end(), [this](const PodOperated& pod) {
    return pod.is_observed && pod.problem.empty() && (!wanted.paused || is_at_rest(pod));
  });
}

bool OperationReport::any_paused() const { return std::any_of(pods.begin(), pods.end(), has_paused); }

std::optional<api::Condition> paused_condition(const OperationReport& report, const api::Json& stored_status) {
  const std::vector<api::Condition> stored = api::conditions_of(stored_status);
  const bool was_there = api::find_condition(stored, api::condition::kClientsPaused) != nullptr;
  const bool any = report.any_paused();
  if (!any && !report.wanted.paused && !was_there) return std::nullopt;
  api::Condition condition{
      .type = api::condition::kClientsPaused,
      .status = any || report.wanted.paused ? api::ConditionStatus::kTrue : api::ConditionStatus::kFalse};
  const std::string of_all = " of " + api::counted(report.pods.size(), "pod");
  if (report.wanted.paused) {
    const std::int64_t at_rest = count_pods(report, is_at_rest);
    condition.reason = at_rest == static_cast<std::int64_t>(report.pods.size()) ? "Paused" : "Pausing";
    condition.message = std::to_string(at_rest) + of_all + " paused until " +
                        format_rfc3339(*report.wanted.pause_until) + "; clients wait, then it ends by itself";
    if (const std::int64_t running = transactions(report); running > 0) {
      condition.message += "; " + api::counted(running, "transaction") + " must end first";
    }
  } else if (any) {
    condition.reason = "Resuming";
    condition.message =
        std::to_string(count_pods(report, has_paused)) + of_all + " still paused though nobody asks for it any more";
  } else {
    condition.reason = report.wanted.pause_until ? "Expired" : "NotPaused";
    condition.message = "no client is held up";
  }
  return condition;
}

std::vector<OperationNews> news_of(const OperationReport& report) {
  std::vector<OperationNews> news;
  const std::int64_t resumed = count_pods(report, [](const PodOperated& pod) { return pod.was_resumed; });
  const std::int64_t renewed = count_pods(report, [](const PodOperated& pod) { return pod.was_reconnected; });
  if (resumed > 0 && report.wanted.pause_until) {
    news.push_back({.reason = "PauseExpired",
                    .message = "the pause until " + format_rfc3339(*report.wanted.pause_until) + " is over; " +
                               api::counted(resumed, "pod") + " resumed without being asked to",
                    .warning = true});
  } else if (resumed > 0) {
    news.push_back(
        {.reason = "ClientsResumed", .message = api::counted(resumed, "pod") + " resumed: nobody asks for a pause"});
  }
  if (renewed > 0) {
    news.push_back({.reason = "Reconnected",
                    .message = api::counted(renewed, "pod") + " replaced server connections of before " +
                               format_rfc3339(*report.wanted.reconnect_at) + ", " + report.wanted.reconnect_cause});
  }
  return news;
}

}  // namespace poolwright::reconcile

#include "reconcile/pod_operator.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "base/log.h"
#include "pgbouncer/console.h"

namespace poolwright::reconcile {

namespace {

constexpr const char* kConsoleDatabase = "pgbouncer";

std::map<std::string, bool> paused_of(const std::vector<pgbouncer::DatabaseRow>& rows) {
  std::map<std::string, bool> paused;
  for (const pgbouncer::DatabaseRow& row : rows) {
    if (row.name != kConsoleDatabase) paused[row.name] = row.is_paused;
  }
  return paused;
}

Result<pgbouncer::Command> command_of(const PodStep& step) {
  switch (step.operation) {
    case PodOperation::kPause:
      return pgbouncer::Command::pause(step.database);
    case PodOperation::kResume:
      return pgbouncer::Command::resume(step.database);
    case PodOperation::kReconnect:
      break;
  }
  return pgbouncer::Command::reconnect(step.database);
}

bool has(const std::vector<PodStep>& steps, PodOperation operation) {
  return std::any_of(steps.begin(), steps.end(), [&](const PodStep& step) { return step.operation == operation; });
}

}  // namespace

OperationReport ConsoleOperator::operate(const Facts& facts, const CallLimits& limits) {
  OperationReport report{.wanted = wanted_operations(facts.pool, parts_.clock.wall_now())};
  std::vector<PodFacts> pods;
  std::copy_if(facts.pods.begin(), facts.pods.end(), std::back_inserter(pods),
               [](const PodFacts& pod) { return !pod.address.empty() && !pod.terminating; });
  WantedOperations wanted = report.wanted;
  const bool is_pending = std::any_of(pods.begin(), pods.end(), [&](const PodFacts& pod) {
    return has(steps_for(wanted, facts.pool, pod, {{facts.pool.spec.databases.front().name, false}}),
               PodOperation::kReconnect);
  });
  if (is_pending) {
    // With logins refused the pool would go down to nothing, and its clients with it.
    const Status logins = parts_.check_logins(facts, limits);
    if (!logins) report.reconnect_blocked = logins.error().message;
    if (!logins) wanted.reconnect.clear();
  }
  report.pods.resize(pods.size());
  {
    std::vector<std::jthread> threads;
    const CallLimits pod_limits{.deadline = limits.deadline.at_most(kPodLimit), .stop = limits.stop};
    for (std::size_t i = 0; i < pods.size(); ++i) {
      threads.emplace_back([&, i] { report.pods[i] = operate_pod(facts, pods[i], wanted, pod_limits); });
    }
  }
  return report;
}

PodOperated ConsoleOperator::operate_pod(const Facts& facts, const PodFacts& pod, const WantedOperations& wanted,
                                         const CallLimits& limits) {
  PodOperated operated{.pod = pod.name};
  const auto seen = parts_.fleet.observation(pod.uid);
  if (!seen || !seen->is_connected || !seen->observed_at) {
    operated.problem = "the console is not connected yet";
    return operated;
  }
  operated.is_observed = true;
  operated.paused = paused_of(seen->databases);
  if (steps_for(wanted, facts.pool, pod, operated.paused).empty()) return operated;
  // The last poll says that there is something to do; before it is done, what is so now.
  const auto console = parts_.fleet.console(pod.uid);
  const auto live = pgbouncer::show_databases(*console, limits);
  if (!live) {
    operated.problem = live.error().message;
    return operated;
  }
  operated.paused = paused_of(*live);
  const std::vector<PodStep> steps = steps_for(wanted, facts.pool, pod, operated.paused);
  Status done = carry_out(steps, pod.uid, operated, limits);
  if (done && has(steps, PodOperation::kReconnect)) {
    done = mark_reconnected(facts, pod, wanted.reconnect, limits);
    operated.is_reconnected = done.has_value();
  }
  if (!done) operated.problem = done.error().message;
  return operated;
}

Status ConsoleOperator::carry_out(const std::vector<PodStep>& steps, const std::string& uid, PodOperated& operated,
                                  const CallLimits& limits) {
  const auto console = parts_.fleet.console(uid);
  for (const PodStep& step : steps) {
    const auto command = command_of(step);
    if (!command) continue;  // a database that somebody else named; nothing of ours pauses it
    const CallLimits cut{.deadline = limits.deadline.at_most(kCommandLimit), .stop = limits.stop};
    const Status told = pgbouncer::tell(*console, *command, cut);
    // A pause goes on without the console that asked for it; what became of it is read at the next look.
    if (!told) return told;
    log_info("pod_operated", {{"pod", operated.pod}, {"command", command->text()}});
    if (step.operation != PodOperation::kReconnect) {
      operated.paused[step.database] = step.operation == PodOperation::kPause;
    }
    if (step.operation == PodOperation::kResume) ++operated.resumed;
  }
  return ok();
}

Status ConsoleOperator::mark_reconnected(const Facts& facts, const PodFacts& pod, const std::string& request,
                                         const CallLimits& limits) {
  const api::ObjectKey key{
      .api_version = "v1", .kind = "Pod", .namespace_name = facts.pool.namespace_name, .name = pod.name};
  return parts_.store.merge_patch(key, {{"metadata", {{"annotations", {{kReconnectedAnnotation, request}}}}}}, limits);
}

}  // namespace poolwright::reconcile

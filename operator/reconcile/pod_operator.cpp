#include "reconcile/pod_operator.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "pgbouncer/console.h"
#include "pgbouncer/quiet_logins.h"
#include "reconcile/pod_annotations.h"
#include "reconcile/side_by_side.h"
#include "render/credentials.h"

namespace poolwright::reconcile {

namespace {

PodState state_of(const std::vector<pgbouncer::DatabaseRow>& databases, const std::vector<pgbouncer::PoolRow>& pools) {
  PodState state;
  for (const pgbouncer::DatabaseRow& row : databases) {
    if (row.name != render::kConsoleDatabase) state.databases[row.name].paused = row.is_paused;
  }
  for (const pgbouncer::PoolRow& row : pools) {
    const auto found = state.databases.find(row.database);
    if (found == state.databases.end()) continue;
    found->second.running += row.sv_active;
  }
  return state;
}

Result<PodState> read_state(pgbouncer::Console& console, const CallLimits& limits) {
  PW_ASSIGN_OR_RETURN(const auto databases, pgbouncer::show_databases(console, limits));
  PW_ASSIGN_OR_RETURN(const auto pools, pgbouncer::show_pools(console, limits));
  PodState state = state_of(databases, pools);
  if (console.version() >= pgbouncer::kFirstVersionWithState) {
    PW_ASSIGN_OR_RETURN(state.together, pgbouncer::show_paused(console, limits));
  }
  return state;
}

/// As the last poll saw it.
PodState state_of(const pgbouncer::PodObservation& seen) {
  PodState state = state_of(seen.databases, seen.pools);
  if (seen.version < pgbouncer::kFirstVersionWithState) return state;
  state.together = !state.databases.empty() && std::all_of(state.databases.begin(), state.databases.end(),
                                                           [](const auto& entry) { return entry.second.paused; });
  return state;
}

Result<pgbouncer::Command> command_of(const PodStep& step) {
  using pgbouncer::Command;
  const bool is_for_all = step.database.empty();
  switch (step.operation) {
    case PodOperation::kPause:
      return is_for_all ? Command::pause_all() : Command::pause(step.database);
    case PodOperation::kResume:
      return is_for_all ? Command::resume_all() : Command::resume(step.database);
    case PodOperation::kReconnect:
      break;
  }
  return Command::reconnect(step.database);
}

/// What a step that was carried out makes of the state.
void note(const PodStep& step, PodState& state) {
  const bool is_paused = step.operation == PodOperation::kPause;
  if (step.database.empty()) state.together = is_paused;
  for (auto& [name, database] : state.databases) {
    if (name == step.database) database.paused = is_paused;
    if (is_paused && (name == step.database || step.database.empty())) database.running = 0;
  }
}

}  // namespace

OperationReport ConsoleOperator::operate(const api::Json& pool, const Facts& facts, const CallLimits& limits) {
  OperationReport report{.wanted =
                             wanted_operations(pool, parts_.server.serving_since(facts), parts_.clock.wall_now())};
  const std::vector<PodFacts> pods = reachable_pods(facts);
  for (const PodFacts& pod : pods) report.pods.push_back(look(pod));

  WantedOperations wanted = report.wanted;
  bool is_asked = false;
  for (std::size_t i = 0; i < pods.size(); ++i) {
    is_asked = is_asked || (report.pods[i].is_observed && needs_reconnect(wanted, pods[i]));
  }
  if (is_asked) {
    // With logins refused the pool would go down to nothing, and its clients with it.
    const Status logins = parts_.server.check_logins(facts, limits);
    if (!logins) report.reconnect_blocked = logins.error().message;
    if (!logins) wanted.reconnect_at.reset();
  }
  std::vector<std::size_t> concerned;
  for (std::size_t i = 0; i < pods.size(); ++i) {
    if (is_outdated(pods[i].uid) || !steps_for(wanted, pods[i], report.pods[i].state).empty()) concerned.push_back(i);
  }
  const CallLimits pod_limits{.deadline = limits.deadline.at_most(kPodLimit), .stop = limits.stop};
  side_by_side(concerned.size(), [&](std::size_t i) {
    const std::size_t pod = concerned[i];
    operate_pod(pods[pod], wanted, facts.pool.namespace_name, report.pods[pod], pod_limits);
  });
  return report;
}

/// As the last poll saw it.
PodOperated ConsoleOperator::look(const PodFacts& pod) const {
  PodOperated operated{.pod = pod.name};
  const auto seen = parts_.fleet.observation(pod.uid);
  operated.is_observed = seen && seen->is_connected && seen->observed_at;
  if (operated.is_observed) operated.state = state_of(*seen);
  return operated;
}

/// A resume right after a pause would find nothing to do in a poll of before.
bool ConsoleOperator::is_outdated(const std::string& uid) {
  const auto seen = parts_.fleet.observation(uid);
  const MutexLock lock(mutex_);
  const auto told = told_at_.find(uid);
  if (told == told_at_.end()) return false;
  const bool is_older = !seen || !seen->observed_at || *seen->observed_at < told->second;
  if (!is_older) told_at_.erase(told);
  return is_older;
}

void ConsoleOperator::remember(const std::string& uid) {
  constexpr Duration kForgetAfter = std::chrono::minutes{10};  // the pod is gone by then, or was polled
  const MonotonicTime now = parts_.clock.now();
  const MutexLock lock(mutex_);
  std::erase_if(told_at_, [&](const auto& entry) { return now - entry.second > kForgetAfter; });
  told_at_[uid] = now;
}

void ConsoleOperator::operate_pod(const PodFacts& pod, const WantedOperations& wanted,
                                  const std::string& namespace_name, PodOperated& operated, const CallLimits& limits) {
  // The last poll says that there is something to do; before it is done, what is so now.
  const auto console = parts_.fleet.console(pod.uid);
  auto live = read_state(*console, limits);
  if (!live) {
    operated.problem = live.error().message;
    return;
  }
  operated.state = *std::move(live);
  Status done = carry_out(steps_for(wanted, pod, operated.state), pod.uid, operated, limits);
  if (done && needs_reconnect(wanted, pod)) {
    const api::Json marked = {{kReconnectedAnnotation, format_rfc3339(*wanted.reconnect_at)}};
    done = annotate_pod(parts_.store, namespace_name, pod.name, marked, limits);
    operated.was_reconnected = done.has_value();
  }
  if (!done) operated.problem = done.error().message;
}

Status ConsoleOperator::carry_out(const std::vector<PodStep>& steps, const std::string& uid, PodOperated& operated,
                                  const CallLimits& limits) {
  const auto console = parts_.fleet.console(uid);
  for (const PodStep& step : steps) {
    PW_ASSIGN_OR_RETURN(const pgbouncer::Command command, command_of(step));
    if (step.operation != PodOperation::kResume) pgbouncer::await_quiet_logins(*console, parts_.clock, limits);
    // From here on, and its own: however long the wait was, the command is told.
    const CallLimits cut{.deadline = Deadline(parts_.clock, kCommandLimit), .stop = limits.stop};
    // A pause goes on without the console that asked for it; what became of it is read at the next look.
    const Status done = pgbouncer::tell(*console, command, cut);
    remember(uid);
    PW_RETURN_IF_ERROR(done);
    log_info("pod_operated", {{"pod", operated.pod}, {"command", command.text()}});
    if (step.operation == PodOperation::kReconnect) continue;
    note(step, operated.state);
    operated.was_resumed = operated.was_resumed || step.operation == PodOperation::kResume;
  }
  return ok();
}

}  // namespace poolwright::reconcile

#include "reconcile/console_programmer.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "reconcile/admission.h"
#include "reconcile/pod_annotations.h"
#include "reconcile/side_by_side.h"
#include "render/names.h"
#include "render/object_gate.h"

namespace poolwright::reconcile {

namespace {

using api::Json;
using pgbouncer::ApplyOutcome;
using pgbouncer::ApplyState;
using pgbouncer::ExpectedConfig;

std::string id_of(const api::ConnectionPool& pool) { return pool.namespace_name + "/" + pool.name; }

const Json* find_object(const render::Rendered& rendered, const std::string& kind, const std::string& name) {
  const auto found = std::find_if(rendered.objects.begin(), rendered.objects.end(), [&](const Json& object) {
    const api::ObjectKey key = api::key_of(object);
    return key.kind == kind && key.name == name;
  });
  return found == rendered.objects.end() ? nullptr : &*found;
}

bool is_refusal(ApplyState state) { return state == ApplyState::kRefused || state == ApplyState::kHalfApplied; }

/// What is recorded on a pod.
Json record_of(const std::optional<render::PodHolds>& holds, const std::set<std::string>& servers) {
  Json annotations = {{render::kMayReachAnnotation, reach_text(servers)}};
  if (holds) annotations[render::kMayHoldAnnotation] = render::holds_text(*holds);
  return annotations;
}

/// After a RELOAD that leads elsewhere PgBouncer closes each older connection when its transaction ends.
bool has_left_other_servers(pgbouncer::Console& console, const CallLimits& limits) {
  const auto connections = pgbouncer::show_servers(console, limits);
  return connections && std::none_of(connections->begin(), connections->end(),
                                     [](const pgbouncer::ServerRow& row) { return row.is_close_needed; });
}

PodProgram to_program(const PodFacts& pod, const ApplyOutcome& outcome, const std::string& config_hash) {
  PodProgram program{.pod = pod.name, .version = outcome.version, .reloads = outcome.reloads};
  if (outcome.state == ApplyState::kLive) {
    program.config_hash = config_hash;
  } else {
    program.problem = outcome.message;
    program.refused = is_refusal(outcome.state);
  }
  return program;
}

}  // namespace

void ConsoleProgrammer::watch(const Facts& facts) {
  std::set<std::string> wanted;
  for (const PodFacts& pod : reachable_pods(facts)) {
    wanted.insert(pod.uid);
    pgbouncer::PodTarget target{.address = pod.address, .port = pod.port};
    const render::ConsoleCredentials& console = facts.console;
    target.logins.push_back({.user = console.admin.username, .password = console.admin.password});
    if (console.previous_admin_password) {
      target.logins.push_back({.user = console.admin.username, .password = *console.previous_admin_password});
    }
    parts_.fleet.set_pod(pod.uid, std::move(target));
  }
  std::set<std::string> gone;
  {
    const MutexLock lock(mutex_);
    PoolState& state = pools_[id_of(facts.pool)];
    std::set_difference(state.pods.begin(), state.pods.end(), wanted.begin(), wanted.end(),
                        std::inserter(gone, gone.end()));
    state.pods = std::move(wanted);
  }
  // A terminating PgBouncer waits for its last client, and an open console is one.
  for (const std::string& uid : gone) parts_.fleet.remove_pod(uid);
}

void ConsoleProgrammer::recall(const Facts& facts, const StoredObjects& stored) {
  const api::ConnectionPool& pool = facts.pool;
  {
    const MutexLock lock(mutex_);
    if (pools_[id_of(pool)].last_good) return;  // seen to be live, which is better than stored
  }
  std::optional<StoredConfig> good = stored_config(stored, pool);
  if (!good) return;
  const MutexLock lock(mutex_);
  pools_[id_of(pool)].last_good = std::move(good);
}

void ConsoleProgrammer::forget(const std::string& namespace_name, const std::string& pool_name) {
  std::set<std::string> pods;
  {
    const MutexLock lock(mutex_);
    const auto found = pools_.find(namespace_name + "/" + pool_name);
    if (found == pools_.end()) return;
    pods = std::move(found->second.pods);
    pools_.erase(found);
  }
  for (const std::string& uid : pods) parts_.fleet.remove_pod(uid);
}

bool ConsoleProgrammer::was_refused(const Facts& facts, const std::string& config_hash) const {
  const MutexLock lock(mutex_);
  const auto found = pools_.find(id_of(facts.pool));
  return found != pools_.end() && !config_hash.empty() && found->second.refused_hash == config_hash;
}

void ConsoleProgrammer::annotate(const PodFacts& pod, const api::ConnectionPool& pool, const Json& annotations,
                                 const CallLimits& limits) {
  const Status done = annotate_pod(parts_.store, pool.namespace_name, pod.name, annotations, limits);
  if (!done) log_warning("pod_not_annotated", {{"pod", pod.name}, {"error", describe(done.error())}});
}

PodProgram ConsoleProgrammer::program_pod(const PodFacts& pod, const api::ConnectionPool& pool,
                                          const std::string& config_hash, const ExpectedConfig& expected,
                                          const CallLimits& limits) {
  const render::PodHolds share = holds_of(expected);
  const std::set<std::string> servers = servers_of(expected);
  std::optional<render::PodHolds> recorded = pod.may_hold;
  std::set<std::string> reached = pod.may_reach;
  if (pod.nudged_hash != config_hash) {
    // Before it can come true: should this process end now, the next one reads here what the pod may come to hold.
    if (recorded) recorded = larger(*recorded, share);
    reached.insert(servers.begin(), servers.end());
    Json annotations = record_of(recorded, reached);
    annotations[render::kConfigHashAnnotation] = config_hash;
    const Status done = annotate_pod(parts_.store, pool.namespace_name, pod.name, annotations, limits);
    const bool is_recorded = recorded == pod.may_hold && reached == pod.may_reach;
    if (!done && !is_recorded) {
      return {.pod = pod.name, .problem = "what it may hold was not recorded on it: " + done.error().message};
    }
    // Without the nudge the kubelet writes the files, too, only later.
    if (!done) log_warning("pod_not_nudged", {{"pod", pod.name}, {"error", describe(done.error())}});
  }
  const auto console = parts_.fleet.console(pod.uid);
  const ApplyOutcome outcome = pgbouncer::apply_config(*console, expected, parts_.clock, limits);
  PodProgram program = to_program(pod, outcome, config_hash);
  program.is_settled = outcome.state == ApplyState::kLive && keeps_to(share, outcome.databases) &&
                       (reached == servers || has_left_other_servers(*console, limits));
  if (!program.is_settled) return program;
  const auto settled = pod.has_gate ? std::optional(share) : recorded;
  if (recorded != settled || reached != servers) annotate(pod, pool, record_of(settled, servers), limits);
  return program;
}

void ConsoleProgrammer::let_in(const Facts& facts, const std::string& config_hash, const ExpectedConfig& expected,
                               ProgramReport& report, const CallLimits& limits) {
  std::map<std::string, bool> settled;
  for (const PodFacts& pod : facts.pods) {
    const auto found = std::find_if(report.pods.begin(), report.pods.end(),
                                    [&](const PodProgram& program) { return program.pod == pod.name; });
    settled[pod.uid] = found != report.pods.end() && found->is_settled;
  }
  const render::PodHolds share = holds_of(expected);
  const std::vector<std::string> admitted = pods_to_admit(facts, share, settled);
  for (const PodFacts& pod : facts.pods) {
    if (!pod.at_gate || pod.terminating) continue;
    if (std::find(admitted.begin(), admitted.end(), pod.uid) != admitted.end()) {
      Json annotations = record_of(share, servers_of(expected));
      annotations[render::kConfigHashAnnotation] = config_hash;
      annotate(pod, facts.pool, annotations, limits);
      continue;
    }
    report.waiting.push_back(pod.name);
    // From now on it does not start by itself.
    if (pod.nudged_hash.empty()) {
      annotate(pod, facts.pool, {{render::kConfigHashAnnotation, render::kGateClosed}}, limits);
    }
  }
}

ProgramReport ConsoleProgrammer::program(const Facts& facts, const render::Rendered& rendered,
                                         const CallLimits& limits) {
  ProgramReport report{.config_hash = rendered.config_hash};
  const MonotonicTime begin = parts_.clock.now();
  const std::vector<PodFacts> pods = reachable_pods(facts);
  report.pods.resize(pods.size());
  const auto expected = expected_config(rendered.ini, rendered.user_marker);
  if (!expected) {
    for (std::size_t i = 0; i < pods.size(); ++i) {
      report.pods[i] = {.pod = pods[i].name, .problem = expected.error().message};
    }
    return report;
  }
  side_by_side(pods.size(), [&](std::size_t i) {
    report.pods[i] = program_pod(pods[i], facts.pool, rendered.config_hash, *expected, limits);
  });
  settle(facts, rendered, *expected, report, limits);
  const bool is_refused =
      std::any_of(report.pods.begin(), report.pods.end(), [](const PodProgram& pod) { return pod.refused; });
  if (!is_refused) let_in(facts, rendered.config_hash, *expected, report, limits);
  const bool was_changed =
      std::any_of(report.pods.begin(), report.pods.end(), [](const PodProgram& pod) { return pod.reloads > 0; });
  if (was_changed && report.complete()) {
    const MutexLock lock(mutex_);
    observe(apply_seconds_, std::chrono::duration<double>(parts_.clock.now() - begin).count());
  }
  return report;
}

std::map<std::string, ProgramTally> ConsoleProgrammer::tallies() const {
  const MutexLock lock(mutex_);
  std::map<std::string, ProgramTally> tallies;
  for (const auto& [id, state] : pools_) tallies.emplace(id, state.tally);
  return tallies;
}

Histogram ConsoleProgrammer::apply_seconds() const {
  const MutexLock lock(mutex_);
  return apply_seconds_;
}

void ConsoleProgrammer::count(ProgramTally& tally, const ProgramReport& report) {
  tally.refused.clear();
  for (const PodProgram& pod : report.pods) {
    tally.reloads += static_cast<std::uint64_t>(pod.reloads);
    if (!pod.refused) continue;
    ++tally.refusals;
    tally.refused.emplace(pod.pod, pod.problem);
  }
}

void ConsoleProgrammer::settle(const Facts& facts, const render::Rendered& rendered, const ExpectedConfig& expected,
                               const ProgramReport& report, const CallLimits& limits) {
  const auto refused =
      std::find_if(report.pods.begin(), report.pods.end(), [](const PodProgram& pod) { return pod.refused; });
  std::optional<StoredConfig> good;
  {
    const MutexLock lock(mutex_);
    PoolState& state = pools_[id_of(facts.pool)];
    count(state.tally, report);
    if (refused != report.pods.end()) {
      state.refused_hash = rendered.config_hash;
      state.refused_why = refused->problem;
      if (state.last_good && state.last_good->config_hash != rendered.config_hash) good = state.last_good;
    } else if (report.complete()) {
      const Json* config_map = find_object(rendered, "ConfigMap", render::pool_object_name(facts.pool.name));
      const Json* userlist = find_object(rendered, "Secret", render::userlist_secret_name(facts.pool.name));
      if (config_map != nullptr && userlist != nullptr) {
        state.last_good = StoredConfig{rendered.config_hash, *config_map, *userlist, expected};
      }
    }
  }
  if (good) put_back(facts, *good, expected, limits);
}

void ConsoleProgrammer::put_back(const Facts& facts, const StoredConfig& good, const ExpectedConfig& refused,
                                 const CallLimits& limits) {
  log_warning("config_put_back", {{"namespace", facts.pool.namespace_name},
                                  {"name", facts.pool.name},
                                  {"config_hash", good.config_hash.substr(0, 12)}});
  for (const Json* object : {&good.userlist, &good.config_map}) {
    if (const auto applied = parts_.store.apply(*object, limits); !applied) {
      log_error("config_not_put_back",
                {{"object", to_string(api::key_of(*object))}, {"error", describe(applied.error())}});
      return;
    }
  }
  for (PodFacts pod : reachable_pods(facts)) {
    pod.nudged_hash.clear();  // the kubelet was told about the refused one meanwhile
    if (pod.may_hold) pod.may_hold = larger(*pod.may_hold, holds_of(refused));
    pod.may_reach.merge(servers_of(refused));
    const PodProgram program = program_pod(pod, facts.pool, good.config_hash, good.expected, limits);
    log_info("pod_repaired", {{"pod", pod.name}, {"problem", program.problem}});
  }
}

}  // namespace poolwright::reconcile

#include "reconcile/report.h"

#include <algorithm>
#include <utility>

#include "api/text.h"
#include "reconcile/compare.h"
#include "render/names.h"
#include "render/url.h"

namespace poolwright::reconcile {

namespace {

using api::Condition;
using api::ConditionStatus;
using api::Json;

Condition condition(const char* type, bool holds, std::string reason, std::string message) {
  return {.type = type,
          .status = holds ? ConditionStatus::kTrue : ConditionStatus::kFalse,
          .reason = std::move(reason),
          .message = std::move(message)};
}

Condition unknown(const char* type, std::string reason, std::string message) {
  Condition made = condition(type, false, std::move(reason), std::move(message));
  made.status = ConditionStatus::kUnknown;
  return made;
}

std::int32_t ready_pods(const Facts& facts) {
  return static_cast<std::int32_t>(std::count_if(facts.pods.begin(), facts.pods.end(),
                                                 [](const PodFacts& pod) { return pod.ready && !pod.terminating; }));
}

std::int32_t present_pods(const Facts& facts) {
  return static_cast<std::int32_t>(
      std::count_if(facts.pods.begin(), facts.pods.end(), [](const PodFacts& pod) { return !pod.terminating; }));
}

std::string endpoint_of(const render::PoolerAddress& pooler) {
  return render::url_host(pooler.host) + ":" + std::to_string(pooler.port);
}

Condition name_conflict(const Plan& plan) {
  if (plan.conflicts.empty()) {
    return condition(api::condition::kNameConflict, false, "NoConflict", "all names are free or ours");
  }
  const NameTaken& first = plan.conflicts.front();
  return condition(api::condition::kNameConflict, true, "ObjectNotOwned",
                   to_string(first.key) + " exists and belongs to " + first.owner +
                       "; it is left alone. Delete it, or give the pool another name");
}

Condition programmed(const Facts& facts, const Outcome& outcome) {
  const char* type = api::condition::kProgrammed;
  if (outcome.program) {
    const bool refused = std::any_of(outcome.program->pods.begin(), outcome.program->pods.end(),
                                     [](const PodProgram& pod) { return pod.refused; });
    const bool complete = outcome.program->complete();
    return condition(type, complete, complete ? "Live" : (refused ? "ConfigRejected" : "Pending"),
                     outcome.program->summary());
  }
  if (outcome.error)
    return unknown(type, "NotApplied", "the configuration could not be stored: " + outcome.error->message);
  if (facts.pool.spec.pgbouncer.replicas == 0 && facts.pods.empty()) {
    return condition(type, true, "ScaledToZero", "no pod is asked for and none runs");
  }
  return unknown(type, "NoPods", "no pod runs yet that could be read back");
}

/// The condition that says that clients are held up, where they are.
const Condition* held_up_by(const std::vector<Condition>& conditions) {
  const Condition* found = api::find_condition(conditions, api::condition::kClientsPaused);
  return found != nullptr && found->status == ConditionStatus::kTrue ? found : nullptr;
}

Condition ready(const Facts& facts, const Decision& decision, const Plan& plan, const Outcome& outcome,
                const Condition& programmed_now) {
  const char* type = api::condition::kReady;
  const std::int32_t wanted = facts.pool.spec.pgbouncer.replicas;
  const std::int32_t serving = ready_pods(facts);
  const std::string pods = std::to_string(serving) + " of " + api::counted(wanted, "pod") + " ready";
  if (!plan.conflicts.empty()) return condition(type, false, "NameConflict", "a name that the pool needs is taken");
  if (decision.stalled) return condition(type, false, decision.stalled_reason, decision.stalled_message);
  if (wanted == 0) return condition(type, false, "ScaledToZero", "spec.pgbouncer.replicas is 0: no pod serves");
  if (serving < wanted) {
    const bool waits = outcome.program && !outcome.program->waiting.empty();
    return condition(
        type, false, "PodsNotReady",
        pods + (waits ? "; " + outcome.program->waiting.front() + " waits until the others have freed its connections"
                      : ""));
  }
  const Condition* held_up = held_up_by(decision.conditions);
  if (held_up != nullptr) return condition(type, false, held_up->type, pods + ", but " + held_up->message);
  if (programmed_now.status != ConditionStatus::kTrue) {
    return condition(type, false, "NotProgrammed", pods + ", but " + programmed_now.message);
  }
  return condition(type, true, "Serving", pods + " and read back");
}

/// kstatus: Reconciling while time alone brings progress, Stalled where only a person can.
void add_progress(std::vector<Condition>& conditions, const Decision& decision, const Plan& plan,
                  const Outcome& outcome, const Condition& ready_now) {
  const bool conflict = !plan.conflicts.empty();
  const bool refused = outcome.error && outcome.error->kind == ErrorKind::kInvalid;
  const bool stalled = conflict || decision.stalled || refused;
  std::string reason = conflict ? "NameConflict" : (decision.stalled ? decision.stalled_reason : "ApplyRefused");
  std::string message = conflict           ? conditions.back().message
                        : decision.stalled ? decision.stalled_message
                        : refused          ? outcome.error->message
                                           : "nothing waits for a person";
  conditions.push_back(
      condition(api::condition::kStalled, stalled, stalled ? std::move(reason) : "NotStalled", std::move(message)));
  const bool working = !stalled && ready_now.status != ConditionStatus::kTrue && ready_now.reason != "ScaledToZero";
  conditions.push_back(condition(api::condition::kReconciling, working, working ? ready_now.reason : "Settled",
                                 working ? ready_now.message : "nothing is under way"));
}

std::vector<Condition> all_conditions(const Facts& facts, const Decision& decision, const Plan& plan,
                                      const Outcome& outcome) {
  std::vector<Condition> conditions = decision.conditions;
  const Condition programmed_now = programmed(facts, outcome);
  const Condition ready_now = ready(facts, decision, plan, outcome, programmed_now);
  conditions.push_back(programmed_now);
  conditions.push_back(ready_now);
  conditions.push_back(name_conflict(plan));
  add_progress(conditions, decision, plan, outcome, ready_now);
  if (facts.advice.report) {
    const std::vector<Condition>& sizing = facts.advice.report->conditions;
    conditions.insert(conditions.end(), sizing.begin(), sizing.end());
  }
  for (Condition& made : conditions) made.observed_generation = facts.pool.generation;
  return conditions;
}

std::optional<std::int32_t> stored_number(const Json& database, const char* member) {
  const auto found = database.find(member);
  if (found == database.end() || !found->is_number_integer()) return std::nullopt;
  return found->get<std::int32_t>();
}

/// What the sizing says; while it does not know yet (it has just begun to look), what the status said before.
SizingWords sizing_words(const Facts& facts, const Json& previous, const std::string& name) {
  if (facts.advice.report) {
    const auto found = facts.advice.report->databases.find(name);
    return found == facts.advice.report->databases.end() ? SizingWords{} : found->second;
  }
  const auto databases = previous.find("databases");
  if (databases == previous.end() || !databases->is_array()) return {};
  for (const Json& database : *databases) {
    if (database.value("name", "") != name) continue;
    return {.recommended_size = stored_number(database, "recommendedSize"),
            .size_reason = database.value("sizeReason", ""),
            .utilization_percent = stored_number(database, "utilizationPercent"),
            .waiting_clients = stored_number(database, "waitingClients"),
            .budget_share = stored_number(database, "budgetShare")};
  }
  return {};
}

void add_databases(api::ConnectionPoolStatus& status, const Facts& facts, const render::Rendered& rendered,
                   const Json& previous) {
  for (const render::DatabaseRendered& database : rendered.databases) {
    SizingWords words = sizing_words(facts, previous, database.name);
    status.databases.push_back({.name = database.name,
                                .secret_name = database.secret_name,
                                .size = database.size,
                                .recommended_size = words.recommended_size,
                                .size_reason = std::move(words.size_reason),
                                .connection_limit = database.connection_limit,
                                .utilization_percent = words.utilization_percent,
                                .waiting_clients = words.waiting_clients,
                                .budget_share = words.budget_share});
    status.size += database.size;
  }
  status.size_max = 0;
  for (const api::Database& database : facts.pool.spec.databases) *status.size_max += database.pool_size.max;
  status.config_hash = rendered.config_hash;
  if (!rendered.databases.empty()) status.binding_name = rendered.databases.front().secret_name;
}

void add_pods(api::ConnectionPoolStatus& status, const Facts& facts, const Outcome& outcome) {
  for (const PodFacts& pod : facts.pods) {
    api::PodStatus line{.name = pod.name, .ready = pod.ready && !pod.terminating};
    if (outcome.program) {
      const auto& pods = outcome.program->pods;
      const auto found = std::find_if(pods.begin(), pods.end(), [&](const PodProgram& p) { return p.pod == pod.name; });
      if (found != pods.end()) {
        line.pgbouncer_version = found->version;
        line.config_hash = found->config_hash;
      }
    }
    status.pods.push_back(std::move(line));
  }
}

/// Conditions that nobody looked at stay as they were.
void keep_others(std::vector<Condition>& conditions, const std::vector<Condition>& stored) {
  for (const Condition& old : stored) {
    if (api::find_condition(conditions, old.type) == nullptr) conditions.push_back(old);
  }
}

/// What was applied last is what pods are counted against; a new spec waits.
Condition ready_while_paused(Facts facts, const std::vector<Condition>& more, const std::vector<Condition>& stored) {
  if (facts.deployment.exists) facts.pool.spec.pgbouncer.replicas = facts.deployment.replicas;
  const Condition* found = api::find_condition(stored, api::condition::kProgrammed);
  const Condition programmed_then =
      found != nullptr ? *found : unknown(api::condition::kProgrammed, "Pending", "no pod was read back yet");
  Decision decision;
  decision.conditions = more;
  return ready(facts, decision, Plan{}, Outcome{}, programmed_then);
}

std::string summary_line(const api::ConnectionPoolStatus& status, const Facts& facts) {
  for (const Condition& condition : status.conditions) {
    if (condition.type == api::condition::kStalled && condition.status == ConditionStatus::kTrue)
      return condition.message;
  }
  std::string text = api::counted(status.databases.size(), "database") + ", " +
                     api::counted(status.size, "server connection") + " for up to " +
                     api::counted(facts.pool.spec.pgbouncer.max_client_connections, "client") + "; ";
  text += std::to_string(status.ready_replicas) + " of " + api::counted(facts.pool.spec.pgbouncer.replicas, "pod") +
          " ready";
  const Condition* held_up = held_up_by(status.conditions);
  return held_up != nullptr ? text + "; " + held_up->message : text;
}

}  // namespace

api::ConnectionPoolStatus make_status(const Facts& facts, const Attempt& attempt, const Json& previous,
                                      const std::string& now) {
  const auto& [decision, plan, outcome] = attempt;
  api::ConnectionPoolStatus status;
  const api::ConnectionPool& pool = facts.pool;
  status.observed_generation = pool.generation;
  const std::vector<Condition> stored = api::conditions_of(previous);
  std::vector<Condition> wanted = all_conditions(facts, decision, plan, outcome);
  if (!facts.advice.report) {
    std::copy_if(stored.begin(), stored.end(), std::back_inserter(wanted),
                 [](const Condition& condition) { return is_sizing_condition(condition.type); });
  }
  status.conditions = api::merge_conditions(stored, std::move(wanted), now);
  status.replicas = present_pods(facts);
  status.ready_replicas = ready_pods(facts);
  status.selector = render::selector_text(pool.name);
  status.service_name = render::pool_object_name(pool.name);
  status.endpoint = render::service_host(pool.name, pool.namespace_name) + ":" + std::to_string(render::kPoolerPort);
  if (decision.rendered) status.endpoint = endpoint_of(decision.rendered->pooler);
  if (decision.rendered) add_databases(status, facts, *decision.rendered, previous);
  add_pods(status, facts, outcome);
  // A request whose work failed is tried again, so it is not handled yet.
  status.last_handled_request =
      outcome.error ? (previous.is_object() ? previous.value("lastHandledRequest", "") : "") : facts.request;
  status.summary = summary_line(status, facts);
  return status;
}

Json refused_status(const Decision& decision, const Json& previous, std::int64_t generation, const std::string& request,
                    const std::string& now) {
  std::vector<Condition> conditions = decision.conditions;
  conditions.push_back(condition(api::condition::kStalled, true, decision.stalled_reason, decision.stalled_message));
  conditions.push_back(condition(api::condition::kReconciling, false, "Stalled", "waits for a change of the resource"));
  for (Condition& made : conditions) made.observed_generation = generation;
  const std::vector<Condition> stored = api::conditions_of(previous);
  keep_others(conditions, stored);
  api::ConnectionPoolStatus status;
  status.observed_generation = generation;
  status.summary = decision.stalled_message;
  status.conditions = api::merge_conditions(stored, std::move(conditions), now);
  Json json = previous.is_object() ? previous : Json::object();
  const Json changed = api::status_json(status);
  for (const char* member : {"observedGeneration", "summary", "conditions"}) json[member] = changed.at(member);
  if (!request.empty()) json["lastHandledRequest"] = request;
  return json;
}

Json paused_status(const std::optional<Facts>& facts, std::vector<Condition> more, const Json& previous,
                   const std::string& now) {
  const std::vector<Condition> stored = api::conditions_of(previous);
  std::vector<Condition> conditions = std::move(more);
  conditions.push_back(
      condition(api::condition::kReconciling, false, kPausedReason,
                "the annotation poolwright.dev/reconcile is disabled: nothing of the pool is changed, and "
                "conditions besides Ready are as they were last seen"));
  api::ConnectionPoolStatus status;
  if (facts) {
    conditions.push_back(ready_while_paused(*facts, conditions, stored));
    status.replicas = present_pods(*facts);
    status.ready_replicas = ready_pods(*facts);
  }
  for (Condition& made : conditions) made.observed_generation = previous.value("observedGeneration", std::int64_t{0});
  keep_others(conditions, stored);
  status.conditions = api::merge_conditions(stored, std::move(conditions), now);
  status.summary = "paused by the annotation poolwright.dev/reconcile";
  Json json = previous.is_object() ? previous : Json::object();
  const Json changed = api::status_json(status);
  for (const char* member : {"summary", "conditions"}) json[member] = changed.at(member);
  if (!facts) return json;
  for (const char* member : {"replicas", "readyReplicas", "podsReady"}) json[member] = changed.at(member);
  return json;
}

bool says_paused(const Json& status) {
  const std::vector<Condition> stored = api::conditions_of(status);
  const Condition* reconciling = api::find_condition(stored, api::condition::kReconciling);
  return reconciling != nullptr && reconciling->reason == kPausedReason;
}

bool same_status(const Json& stored, const Json& wanted) { return covers(stored, wanted) && covers(wanted, stored); }

}  // namespace poolwright::reconcile

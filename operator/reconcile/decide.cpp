#include "reconcile/decide.h"

#include <algorithm>
#include <utility>

#include "render/names.h"
#include "render/text.h"

namespace poolwright::reconcile {

namespace {

using api::Condition;
using api::ConditionStatus;

constexpr std::size_t kErrorsShown = 5;

Condition make_condition(const char* type, ConditionStatus status, std::string reason, std::string message) {
  return {.type = type, .status = status, .reason = std::move(reason), .message = std::move(message)};
}

/// Reason and sentence of the first thing that is wrong, or nothing.
struct Finding {
  std::string reason;
  std::string message;
};

using Keys = std::vector<std::string>;

Finding secret_finding(const render::RequiredSecret& required, const Keys& keys, const Error& error) {
  const std::string what = required.path + ": Secret \"" + required.name + "\" ";
  switch (error.kind) {
    case ErrorKind::kNotFound:
      return {"SecretNotFound", what + "does not exist; create it with the keys " + render::join(keys, ", ")};
    case ErrorKind::kForbidden:
      return {"SecretForbidden", what + "may not be read by the operator; grant it `get` on this Secret"};
    default:
      return {"SecretUnreadable", what + "could not be read: " + error.message};
  }
}

/// What is wrong with the keys of the Secret, or nothing.
std::optional<Finding> check_keys(const render::RequiredSecret& required, const Keys& keys, const Facts& facts) {
  if (keys.empty()) return std::nullopt;
  const auto found = facts.secrets.find(required.name);
  if (found == facts.secrets.end()) return Finding{"SecretNotFound", "Secret \"" + required.name + "\" was not read"};
  if (!found->second) return secret_finding(required, keys, found->second.error());
  const api::Json& secret = *found->second;
  const auto entries = secret.find("data");
  for (const std::string& key : keys) {
    if (entries != secret.end() && entries->is_object() && entries->contains(key)) continue;
    return Finding{"SecretKeyMissing",
                   required.path + ": Secret \"" + required.name + "\" has no key \"" + key + "\"; add it"};
  }
  return std::nullopt;
}

/// Logins of all databases, or what is wrong with the first that cannot be used.
struct Resolved {
  std::map<std::string, render::Credentials> credentials;
  std::map<std::string, std::int32_t> instances;
  std::optional<Finding> finding;    // the pool cannot be rendered
  std::optional<Finding> unwatched;  // it can, but not all of it can be watched
};

std::optional<Finding> resolve_database(const api::Database& database, const Facts& facts, Resolved& resolved) {
  const std::string& name = database.credentials_secret_ref.name;
  auto credentials = render::read_credentials(*facts.secrets.at(name));
  if (!credentials) return Finding{"InvalidSecret", credentials.error().message};
  resolved.credentials.emplace(database.name, *std::move(credentials));
  const auto workload = facts.instances.find(database.name);
  if (workload == facts.instances.end()) return std::nullopt;
  if (!workload->second) return Finding{"WorkloadNotFound", workload->second.error().message};
  resolved.instances.emplace(database.name, *workload->second);
  return std::nullopt;
}

Resolved resolve(const Facts& facts) {
  Resolved resolved;
  for (const render::RequiredSecret& required : render::required_secrets(facts.pool)) {
    resolved.finding = check_keys(required, required.keys, facts);
    if (resolved.finding) return resolved;
    if (!resolved.unwatched) resolved.unwatched = check_keys(required, required.watch_keys, facts);
  }
  for (const api::Database& database : facts.pool.spec.databases) {
    resolved.finding = resolve_database(database, facts, resolved);
    if (resolved.finding) return resolved;
  }
  return resolved;
}

/// What stands in the way of the advised sizes, or "". A pool that does not fit is left as it is.
std::string check_budget(const Facts& facts, bool rollout_ahead) {
  for (const api::Database& database : facts.pool.spec.databases) {
    const auto advice = facts.advice.sizes.find(database.name);
    const Room room = room_of(facts, database, rollout_ahead);
    if (advice != facts.advice.sizes.end() && fitting_size(advice->second, database, room)) continue;
    const std::int32_t slots = room.pods;
    const std::int32_t needed = slots * (1 + database.reserve_pool_size / slots);
    return "database " + database.name + " needs at least " + std::to_string(needed) + " connections on " +
           std::to_string(slots) + " pods, its reserve included; " + facts.advice.hold_reason;
  }
  return {};
}

Result<render::Rendered> render_with(const Facts& facts, const Resolved& resolved, const DecideSettings& settings,
                                     bool rollout_ahead) {
  std::string problem = check_budget(facts, rollout_ahead);
  if (!problem.empty()) return make_error(ErrorKind::kThrottled, std::move(problem));
  std::int32_t pods = 1;  // the same for all databases
  std::map<std::string, std::int32_t> sizes;
  render::PodHolds held_back;
  for (const api::Database& database : facts.pool.spec.databases) {
    const Room room = room_of(facts, database, rollout_ahead);
    pods = room.pods;
    const Fit fit = fitting_size(facts.advice.sizes.at(database.name), database, room).value_or(Fit{});
    sizes[database.name] = fit.size;
    held_back[database.name] = fit.held_back;
  }
  std::optional<render::PoolerAddress> pooler;
  if (settings.pooler_address) pooler = settings.pooler_address(facts.pool.name);
  return render::render({.pool = facts.pool,
                         .credentials = resolved.credentials,
                         .console = facts.console,
                         .sizes = std::move(sizes),
                         .instances = resolved.instances,
                         .pod_slots = pods,
                         .held_back = std::move(held_back),
                         .default_image = settings.image_repository + ":" + facts.pool.spec.pgbouncer.version,
                         .pooler_address = std::move(pooler)});
}

std::string rendered_restart_hash(const render::Rendered& rendered) {
  for (const api::Json& object : rendered.objects) {
    if (object.value("kind", "") != "Deployment") continue;
    return api::annotation(object.at("spec").at("template"), render::kRestartHashAnnotation);
  }
  return {};
}

/// Renders for the pods of now; where some were made from another template, renders again for one pod more: the surging
/// pod of the rollout opens its share while the others still hold theirs.
Result<render::Rendered> render_for_rollout(const Facts& facts, const Resolved& resolved,
                                            const DecideSettings& settings) {
  auto rendered = render_with(facts, resolved, settings, false);
  if (!rendered || !has_older_pods(facts, rendered_restart_hash(*rendered))) return rendered;
  return render_with(facts, resolved, settings, true);
}

void stall(Decision& decision, const Finding& finding) {
  decision.stalled = true;
  decision.stalled_reason = finding.reason;
  decision.stalled_message = finding.message;
}

void add_resolved(Decision& decision, const Resolved& resolved) {
  const char* type = api::condition::kResolvedRefs;
  if (resolved.unwatched) {
    decision.conditions.push_back(make_condition(type, ConditionStatus::kFalse, resolved.unwatched->reason,
                                                 resolved.unwatched->message + ". The pool serves without it"));
  } else {
    decision.conditions.push_back(make_condition(type, ConditionStatus::kTrue, "Resolved",
                                                 "all Secrets and workloads that the spec names were read"));
  }
}

void add_client_limit(Decision& decision) {
  std::string warnings;
  for (const render::DatabaseRendered& database : decision.rendered->databases) {
    if (!database.warning.empty()) warnings += (warnings.empty() ? "" : "; ") + database.warning;
  }
  const bool exceeded = !warnings.empty();
  decision.conditions.push_back(
      make_condition(api::condition::kClientLimitExceeded, exceeded ? ConditionStatus::kTrue : ConditionStatus::kFalse,
                     exceeded ? "TooManyClients" : "WithinLimit",
                     exceeded ? warnings : "the pool admits all connections that the instances may open"));
}

void stamp(Decision& decision, std::int64_t generation) {
  for (Condition& condition : decision.conditions) condition.observed_generation = generation;
}

}  // namespace

Decision refuse(const std::vector<api::FieldError>& errors, std::int64_t generation) {
  std::string message;
  for (std::size_t i = 0; i < std::min(errors.size(), kErrorsShown); ++i) {
    message += (message.empty() ? "" : "; ") + errors[i].path + ": " + errors[i].message;
  }
  if (errors.size() > kErrorsShown) message += "; and " + std::to_string(errors.size() - kErrorsShown) + " more";
  Decision decision;
  stall(decision, {"InvalidSpec", message});
  decision.conditions.push_back(
      make_condition(api::condition::kAccepted, ConditionStatus::kFalse, "InvalidSpec", message));
  stamp(decision, generation);
  return decision;
}

Decision refuse_config(const Decision& decision, std::int64_t generation) {
  Decision refused = decision;
  refused.rendered.reset();
  refused.config_rejected = true;
  const Finding finding{
      "ConfigRejected",
      "PgBouncer refused the configuration that this spec gives; the last good one runs. Change the spec "
      "(spec.pgbouncer.parameters or version most likely)"};
  stall(refused, finding);
  refused.conditions.push_back(
      make_condition(api::condition::kProgrammed, ConditionStatus::kFalse, finding.reason, finding.message));
  stamp(refused, generation);
  return refused;
}

Decision decide(const Facts& facts, const DecideSettings& settings) {
  Decision decision;
  decision.conditions.push_back(
      make_condition(api::condition::kAccepted, ConditionStatus::kTrue, "Valid", "the spec is valid"));
  const Resolved resolved = resolve(facts);
  if (resolved.finding) {
    stall(decision, *resolved.finding);
    decision.conditions.push_back(make_condition(api::condition::kResolvedRefs, ConditionStatus::kFalse,
                                                 resolved.finding->reason, resolved.finding->message));
    stamp(decision, facts.pool.generation);
    return decision;
  }
  add_resolved(decision, resolved);
  auto rendered = render_for_rollout(facts, resolved, settings);
  if (!rendered && rendered.error().kind == ErrorKind::kThrottled) {
    stall(decision, {"BudgetExceeded", rendered.error().message});
    if (facts.advice.report) {
      const std::vector<Condition>& sizing = facts.advice.report->conditions;
      decision.conditions.insert(decision.conditions.end(), sizing.begin(), sizing.end());
    }
  } else if (!rendered) {
    stall(decision, {"InvalidSpec", rendered.error().message});
    decision.conditions.front() =
        make_condition(api::condition::kAccepted, ConditionStatus::kFalse, "InvalidSpec", rendered.error().message);
  } else {
    decision.rendered = *std::move(rendered);
    add_client_limit(decision);
  }
  stamp(decision, facts.pool.generation);
  return decision;
}

}  // namespace poolwright::reconcile

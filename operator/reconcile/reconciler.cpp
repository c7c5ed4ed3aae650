#include "reconcile/reconciler.h"

#include <algorithm>
#include <utility>

#include "api/parse.h"
#include "base/log.h"
#include "reconcile/requests.h"

namespace poolwright::reconcile {

namespace {

using api::Json;

Json stored_status(const Json& object) { return object.value("status", Json::object()); }

api::ObjectKey pool_key(const std::string& namespace_name, const std::string& name) {
  return {.api_version = api::kApiVersion, .kind = api::kKind, .namespace_name = namespace_name, .name = name};
}

/// What a person should hear, or "" where all is well.
std::string trouble(const Json& object, const Decision& decision, const Plan& plan, const Outcome& outcome) {
  if (!plan.conflicts.empty()) {
    return to_string(plan.conflicts.front().key) + " exists and belongs to " + plan.conflicts.front().owner;
  }
  if (decision.stalled) return decision.stalled_message;
  if (outcome.error) return outcome.error->message;
  return annotation_mistake(object);
}

std::string trouble_reason(const Decision& decision, const Plan& plan, const Outcome& outcome) {
  if (!plan.conflicts.empty()) return "NameConflict";
  if (decision.stalled) return decision.stalled_reason;
  return outcome.error ? "ApplyFailed" : "InvalidAnnotation";
}

}  // namespace

Result<Action> Reconciler::reconcile(const std::string& namespace_name, const std::string& name,
                                     const CallLimits& limits) {
  const api::Object object = parts_.store.cached(pool_key(namespace_name, name));
  const std::string id = namespace_name + "/" + name;
  if (!object || !api::metadata_string(*object, "deletionTimestamp").empty()) {
    // Owner references take the children; nothing of ours holds the deletion up.
    parts_.programmer.forget(namespace_name, name);
    const MutexLock lock(mutex_);
    told_.erase(id);
    return Action{};
  }
  const api::Parsed parsed = api::check_pool(*object, settings_.validation);
  if (is_paused(*object)) return reconcile_paused(parsed.pool, *object, limits);
  tell_pause(*object, false);
  if (parsed.pool) return reconcile_valid(*parsed.pool, *object, limits);
  const std::int64_t generation = object->at("metadata").value("generation", std::int64_t{0});
  const Decision refused = refuse(parsed.errors, generation);
  tell(*object, refused, Plan{}, Outcome{});
  PW_RETURN_IF_ERROR(write_status(*object,
                                  refused_status(refused, stored_status(*object), generation, request_of(*object),
                                                 format_rfc3339(parts_.clock.wall_now())),
                                  limits));
  return Action{};
}

Result<Action> Reconciler::reconcile_paused(const std::optional<api::ConnectionPool>& pool, const Json& object,
                                            const CallLimits& limits) {
  std::optional<Facts> facts;
  if (pool) {
    const GatherParts gathering{.store = parts_.store, .secrets = parts_.secrets, .random = parts_.random};
    PW_ASSIGN_OR_RETURN(facts, gather_facts(gathering, *pool, limits));
    // Pods that terminate must be rid of our consoles, paused or not: an open console keeps a PgBouncer from ending.
    parts_.programmer.watch(*facts);
  }
  tell_pause(object, true);
  PW_RETURN_IF_ERROR(write_status(
      object, paused_status(facts, stored_status(object), format_rfc3339(parts_.clock.wall_now())), limits));
  return Action{};
}

Status Reconciler::observe(const std::string& namespace_name, const std::string& name, const CallLimits& limits) {
  const api::Object object = parts_.store.cached(pool_key(namespace_name, name));
  if (!object || !api::metadata_string(*object, "deletionTimestamp").empty()) {
    parts_.programmer.forget(namespace_name, name);
    return ok();
  }
  const api::Parsed parsed = api::check_pool(*object, settings_.validation);
  if (!parsed.pool) return ok();
  const GatherParts gathering{.store = parts_.store, .secrets = parts_.secrets, .random = parts_.random};
  PW_ASSIGN_OR_RETURN(const Facts facts, gather_facts(gathering, *parsed.pool, limits));
  parts_.programmer.watch(facts);
  return ok();
}

Result<Action> Reconciler::reconcile_valid(const api::ConnectionPool& pool, const Json& object,
                                           const CallLimits& limits) {
  const GatherParts gathering{.store = parts_.store,
                              .secrets = parts_.secrets,
                              .random = parts_.random,
                              .fresh_secrets = has_new_request(object)};
  PW_ASSIGN_OR_RETURN(Facts facts, gather_facts(gathering, pool, limits));
  facts.request = request_of(object);
  parts_.programmer.watch(facts);
  auto advice = parts_.sizes.advise(facts);
  if (!advice) return Action{};  // whoever decides has it looked at again
  facts.advice = *std::move(advice);
  Decision decision = decide(facts, settings_.decide);
  if (decision.rendered && parts_.programmer.was_refused(facts, decision.rendered->config_hash)) {
    decision = refuse_config(decision, pool.generation);
  }
  PW_ASSIGN_OR_RETURN(const StoredObjects stored,
                      gather_stored(gathering, facts, decision, stored_status(object), limits));
  parts_.programmer.recall(facts, stored);
  const Plan plan = make_plan(decision, stored, facts);
  const Outcome outcome = carry_out(parts_, plan, decision, facts, limits);
  if (outcome.program) parts_.sizes.programmed(facts, *outcome.program);
  tell(object, decision, plan, outcome);

  const std::string now = format_rfc3339(parts_.clock.wall_now());
  const Json wanted = decision.rendered
                          ? api::status_json(make_status(facts, {decision, plan, outcome}, stored_status(object), now))
                          : refused_status(decision, stored_status(object), pool.generation, facts.request, now);
  tell_sizing(object, wanted);
  PW_RETURN_IF_ERROR(write_status(object, wanted, limits));
  if (outcome.error) return *outcome.error;
  const bool waiting = outcome.program && !(outcome.program->complete() && outcome.program->settled());
  if (waiting) return Action{.after = kProgramAgain};
  if (decision.stalled || parts_.secrets.notice() == SecretNotice::kPoll)
    return Action{.after = SecretReader::kPollPeriod};
  return Action{};
}

Status Reconciler::write_status(const Json& object, const Json& wanted, const CallLimits& limits) {
  if (same_status(stored_status(object), wanted)) return ok();
  PW_RETURN_IF_ERROR(parts_.store.apply_status(api::key_of(object), wanted, limits));
  return ok();
}

/// Once for each change: what status said before is what was told before.
void Reconciler::tell_pause(const Json& object, bool paused) {
  if (says_paused(stored_status(object)) == paused) return;
  parts_.store.note({.regarding = object,
                     .reason = paused ? kPausedReason : "Resumed",
                     .message = paused ? "nothing of the pool is changed until the annotation "
                                         "poolwright.dev/reconcile is removed"
                                       : "the pool is kept right again"});
}

/// Once when a condition of the sizing begins to hold, and once when it no longer does; what was told before a restart
/// is in the status.
void Reconciler::tell_sizing(const Json& object, const Json& wanted) {
  const std::vector<api::Condition> before = api::conditions_of(stored_status(object));
  for (const api::Condition& now : api::conditions_of(wanted)) {
    if (!is_sizing_condition(now.type)) continue;
    const auto was =
        std::find_if(before.begin(), before.end(), [&](const api::Condition& c) { return c.type == now.type; });
    const bool held = was != before.end() && was->status == api::ConditionStatus::kTrue;
    const bool holds = now.status == api::ConditionStatus::kTrue;
    if (held == holds) continue;
    parts_.store.note({.regarding = object,
                       .warning = holds,
                       .reason = holds ? now.type : now.type + "Ended",
                       .message = now.message});
  }
}

void Reconciler::tell(const Json& object, const Decision& decision, const Plan& plan, const Outcome& outcome) {
  const api::ObjectKey key = api::key_of(object);
  const std::string id = key.namespace_name + "/" + key.name;
  const std::string text = trouble(object, decision, plan, outcome);
  bool cleared = false;
  {
    const MutexLock lock(mutex_);
    const auto found = told_.find(id);
    if (text.empty() ? found == told_.end() : (found != told_.end() && found->second == text)) return;
    cleared = text.empty();
    if (cleared) {
      told_.erase(found);
    } else {
      told_.insert_or_assign(id, text);
    }
  }
  if (cleared) {
    parts_.store.note({.regarding = object, .reason = "Recovered", .message = "the pool is in order again"});
    return;
  }
  log_warning("pool_in_trouble", {{"namespace", key.namespace_name}, {"name", key.name}, {"cause", text}});
  parts_.store.note(
      {.regarding = object, .warning = true, .reason = trouble_reason(decision, plan, outcome), .message = text});
}

}  // namespace poolwright::reconcile

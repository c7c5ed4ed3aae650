#include "reconcile/reconciler.h"

#include <algorithm>
#include <utility>

#include "api/parse.h"
#include "base/log.h"
#include "reconcile/requests.h"
#include "reconcile/rotation.h"

namespace poolwright::reconcile {

namespace {

using api::Json;

Json stored_status(const Json& object) { return object.value("status", Json::object()); }

api::ObjectKey pool_key(const std::string& namespace_name, const std::string& name) {
  return {.api_version = api::kApiVersion, .kind = api::kKind, .namespace_name = namespace_name, .name = name};
}

/// What a person should hear, by reason; none where all is well.
struct Trouble {
  std::string reason;
  std::string text;
};

Trouble trouble(const Decision& decision, const Plan& plan, const Outcome& outcome) {
  if (!plan.conflicts.empty()) {
    const NameTaken& first = plan.conflicts.front();
    return {"NameConflict", to_string(first.key) + " exists and belongs to " + first.owner};
  }
  if (decision.stalled) return {decision.stalled_reason, decision.stalled_message};
  if (outcome.error) return {"ApplyFailed", outcome.error->message};
  const api::Condition* resolved = api::find_condition(decision.conditions, api::condition::kResolvedRefs);
  if (resolved != nullptr && resolved->status == api::ConditionStatus::kFalse)
    return {resolved->reason, resolved->message};
  return {};
}

Trouble trouble_of_requests(const Json& object, const OperationReport& operated, WallTime now) {
  if (!operated.reconnect_blocked.empty()) {
    return {"ReconnectPostponed",
            "server connections are kept while PostgreSQL refuses logins: " + operated.reconnect_blocked};
  }
  return {"InvalidAnnotation", annotation_mistake(object, now)};
}

/// The pool as far as it is known where its spec cannot be used.
api::ConnectionPool bare_pool(const Json& object) {
  api::ConnectionPool pool;
  pool.name = api::metadata_string(object, "name");
  pool.namespace_name = api::metadata_string(object, "namespace");
  pool.uid = api::metadata_string(object, "uid");
  return pool;
}

std::vector<api::Condition> conditions_of(const OperationReport& operated, const Json& object) {
  std::vector<api::Condition> conditions;
  if (auto paused = paused_condition(operated, stored_status(object))) {
    paused->observed_generation = object.at("metadata").value("generation", std::int64_t{0});
    conditions.push_back(*std::move(paused));
  }
  return conditions;
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
  Case looked_at{.object = *object, .parsed = api::check_pool(*object, settings_.validation), .operated = {}};
  // Before all else: a pause must end whatever is wrong with the spec, a Secret or the API server.
  looked_at.operated = operate(*object, looked_at.parsed.pool, limits);
  tell_operations(*object, looked_at.operated);
  return look_again(reconcile_spec(looked_at, limits), looked_at.operated);
}

Result<Action> Reconciler::reconcile_spec(const Case& looked_at, const CallLimits& limits) {
  if (is_paused(looked_at.object)) return reconcile_paused(looked_at, limits);
  tell_pause(looked_at.object, false);
  return looked_at.parsed.pool ? reconcile_valid(looked_at, limits) : reconcile_refused(looked_at, limits);
}

Result<Action> Reconciler::reconcile_refused(const Case& looked_at, const CallLimits& limits) {
  const Json& object = looked_at.object;
  const GatherParts gathering{.store = parts_.store, .secrets = parts_.secrets, .random = parts_.random};
  // What runs is looked at all the same: pods that terminate, and clients that wait.
  PW_ASSIGN_OR_RETURN(const Facts facts, gather_facts(gathering, bare_pool(object), limits));
  parts_.programmer.watch(facts);
  const std::int64_t generation = object.at("metadata").value("generation", std::int64_t{0});
  Decision refused = refuse(looked_at.parsed.errors, generation);
  tell(looked_at, refused, Plan{}, Outcome{});
  for (api::Condition& condition : conditions_of(looked_at.operated, object)) {
    refused.conditions.push_back(std::move(condition));
  }
  PW_RETURN_IF_ERROR(write_status(object,
                                  refused_status(refused, stored_status(object), generation, request_of(object),
                                                 format_rfc3339(parts_.clock.wall_now())),
                                  limits));
  return Action{};
}

Result<Action> Reconciler::reconcile_paused(const Case& looked_at, const CallLimits& limits) {
  const Json& object = looked_at.object;
  std::optional<Facts> facts;
  if (looked_at.parsed.pool) {
    const GatherParts gathering{.store = parts_.store, .secrets = parts_.secrets, .random = parts_.random};
    PW_ASSIGN_OR_RETURN(facts, gather_facts(gathering, *looked_at.parsed.pool, limits));
    // Pods that terminate must be rid of our consoles, paused or not: an open console keeps a PgBouncer from ending.
    parts_.programmer.watch(*facts);
  }
  tell_pause(object, true);
  PW_RETURN_IF_ERROR(write_status(object,
                                  paused_status(facts, conditions_of(looked_at.operated, object), stored_status(object),
                                                format_rfc3339(parts_.clock.wall_now())),
                                  limits));
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

Result<Action> Reconciler::reconcile_valid(const Case& looked_at, const CallLimits& limits) {
  const api::ConnectionPool& pool = *looked_at.parsed.pool;
  const Json& object = looked_at.object;
  const GatherParts gathering{.store = parts_.store,
                              .secrets = parts_.secrets,
                              .random = parts_.random,
                              .fresh_secrets = has_new_request(object)};
  PW_ASSIGN_OR_RETURN(Facts facts, gather_facts(gathering, pool, limits));
  facts.request = request_of(object);
  facts.console = rotated(facts.console, rotate_request_of(object), parts_.random);
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
  if (facts.advice.check_logins) {
    const CallLimits cut{.deadline = limits.deadline.at_most(kLoginCheckLimit), .stop = limits.stop};
    parts_.sizes.logins_checked(facts, parts_.operations.check_logins(facts, cut).has_value());
  }
  tell(looked_at, decision, plan, outcome);
  for (api::Condition& condition : conditions_of(looked_at.operated, object)) {
    decision.conditions.push_back(std::move(condition));
  }
  if (auto rotation = rotation_condition(facts, outcome)) decision.conditions.push_back(*std::move(rotation));

  const std::string now = format_rfc3339(parts_.clock.wall_now());
  const Json wanted = decision.rendered
                          ? api::status_json(make_status(facts, {decision, plan, outcome}, stored_status(object), now))
                          : refused_status(decision, stored_status(object), pool.generation, facts.request, now);
  tell_sizing(object, wanted);
  if (const auto news = rotation_news(stored_status(object), wanted)) {
    parts_.store.note({.regarding = object, .reason = news->type, .message = news->message});
  }
  PW_RETURN_IF_ERROR(write_status(object, wanted, limits));
  if (outcome.error) return *outcome.error;
  const bool waiting = outcome.program && !(outcome.program->complete() && outcome.program->settled());
  if (waiting || is_rotation_due(facts.console, rotate_request_of(object))) return Action{.after = kProgramAgain};
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

/// From what the cache has, so that it needs nobody.
OperationReport Reconciler::operate(const Json& object, const std::optional<api::ConnectionPool>& pool,
                                    const CallLimits& limits) {
  Facts facts;
  facts.pool = pool ? *pool : bare_pool(object);
  gather_running(parts_.store, facts);
  return parts_.operations.operate(object, facts, limits);
}

void Reconciler::tell_operations(const Json& object, const OperationReport& operated) {
  const api::ObjectKey key = api::key_of(object);
  for (const OperationNews& news : news_of(operated)) {
    log_info("operation_done", {{"namespace", key.namespace_name}, {"name", key.name}, {"what", news.message}});
    parts_.store.note({.regarding = object, .warning = news.warning, .reason = news.reason, .message = news.message});
  }
}

/// A pause is looked at when it is over, and everything that is not yet as wanted soon.
Result<Action> Reconciler::look_again(Result<Action> action, const OperationReport& operated) const {
  std::optional<Duration> next;
  if (!operated.complete()) next = kProgramAgain;
  if (operated.wanted.paused) {
    // A little later, so that it is over then.
    const auto left = *operated.wanted.pause_until - parts_.clock.wall_now() + kProgramAgain / 200;
    const Duration rest = std::max(std::chrono::ceil<Duration>(left), Duration{1});
    next = next ? std::min(*next, rest) : rest;
  }
  if (!next) return action;
  if (action) {
    action->after = action->after ? std::min(*action->after, *next) : *next;
    return action;
  }
  // Clients that wait cannot wait for a back-off.
  if (!operated.wanted.paused && !operated.any_paused()) return action;
  Error error = std::move(action).error();
  error.retry_after = error.retry_after ? std::min(*error.retry_after, *next) : *next;
  return error;
}

void Reconciler::tell(const Case& looked_at, const Decision& decision, const Plan& plan, const Outcome& outcome) {
  const Json& object = looked_at.object;
  const api::ObjectKey key = api::key_of(object);
  const std::string id = key.namespace_name + "/" + key.name;
  Trouble trouble_now = trouble(decision, plan, outcome);
  if (trouble_now.text.empty()) trouble_now = trouble_of_requests(object, looked_at.operated, parts_.clock.wall_now());
  const std::string& text = trouble_now.text;
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
  parts_.store.note({.regarding = object, .warning = true, .reason = trouble_now.reason, .message = text});
}

}  // namespace poolwright::reconcile

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
    told_operations_.erase(id);
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
  // Clients that wait must not wait for ever because somebody stopped the changes meanwhile.
  return facts ? operate(*facts, object, limits).next.value_or(Action{}) : Action{};
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
  Decision decision = decide(facts, settings_.decide);
  if (decision.rendered && parts_.programmer.was_refused(facts, decision.rendered->config_hash)) {
    decision = refuse_config(decision, pool.generation);
  }
  PW_ASSIGN_OR_RETURN(const StoredObjects stored,
                      gather_stored(gathering, facts, decision, stored_status(object), limits));
  const Plan plan = make_plan(decision, stored, facts);
  Outcome outcome = carry_out(parts_, plan, decision, facts, limits);
  tell(object, decision, plan, outcome);
  const Operated operated = operate(facts, object, limits);
  outcome.operated = operated.report;

  const std::string now = format_rfc3339(parts_.clock.wall_now());
  const Json wanted = decision.rendered
                          ? api::status_json(make_status(facts, decision, plan, outcome, stored_status(object), now))
                          : refused_status(decision, stored_status(object), pool.generation, facts.request, now);
  PW_RETURN_IF_ERROR(write_status(object, wanted, limits));
  if (outcome.error) return *outcome.error;
  const bool waiting = outcome.program && !outcome.program->complete();
  if (waiting) return Action{.after = kProgramAgain};
  if (operated.next) return *operated.next;
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

Reconciler::Operated Reconciler::operate(const Facts& facts, const Json& object, const CallLimits& limits) {
  Operated operated;
  if (parts_.operations == nullptr) return operated;
  operated.report = parts_.operations->operate(facts, limits);
  tell_operations(object, *operated.report);
  if (!operated.report->complete()) {
    operated.next = Action{.after = kProgramAgain};
  } else if (operated.report->wanted.paused) {
    const auto left = *operated.report->wanted.pause_until - parts_.clock.wall_now();
    // A little later, so that it is over then.
    operated.next = Action{.after = std::max(std::chrono::duration_cast<Duration>(left), Duration{0}) + Duration{10}};
  }
  return operated;
}

void Reconciler::tell_operations(const Json& object, const OperationReport& report) {
  const api::ObjectKey key = api::key_of(object);
  const std::string id = key.namespace_name + "/" + key.name;
  std::string text;
  const std::vector<OperationNews> all = news_of(report);
  for (const OperationNews& news : all) text += news.reason + ": " + news.message + "\n";
  {
    const MutexLock lock(mutex_);
    std::string& told = told_operations_[id];
    if (told == text) return;
    told = text;
  }
  for (const OperationNews& news : all) {
    log_info(
        "operation",
        {{"namespace", key.namespace_name}, {"name", key.name}, {"reason", news.reason}, {"message", news.message}});
    parts_.store.note({.regarding = object, .warning = news.warning, .reason = news.reason, .message = news.message});
  }
}

}  // namespace poolwright::reconcile

#include "run/sizing_words.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <utility>

#include "run/sizing_brain.h"

namespace poolwright::run {

namespace {

using api::Condition;
using api::ConditionStatus;

Condition condition(const char* type, bool holds, std::string reason, std::string message) {
  return {.type = type,
          .status = holds ? ConditionStatus::kTrue : ConditionStatus::kFalse,
          .reason = std::move(reason),
          .message = std::move(message)};
}

Condition budget_condition(const ReportInput& input) {
  const char* type = api::condition::kBudgetExceeded;
  const std::string budget = "budget of " + input.server + ": " + input.budget.arithmetic;
  if (!input.decision.is_budget_exceeded) return condition(type, false, "WithinBudget", budget);
  return condition(type, true, "MinimumsDoNotFit",
                   "the minimums of all pools, with their reserves, do not fit the " + budget + ". Allowed now: " +
                       input.who_takes_what + ". Lower poolSize.min, reservePoolSize or replicas, or raise the budget");
}

Condition saturation_condition(const ReportInput& input) {
  const char* type = api::condition::kDatabaseSaturated;
  if (!input.is_saturated)
    return condition(type, false, "NotSaturated", "the server was not seen to be the bottleneck");
  return condition(type, true, "MoreWouldBeSlower",
                   input.server + " does not do more work with more connections; its pools are held where they are");
}

Condition leak_condition(const ReportInput& input) {
  const char* type = api::condition::kConnectionLeakSuspected;
  std::string text;
  for (const api::Database& database : input.pool.facts.pool.spec.databases) {
    const auto found = input.leaks.find(sizing_id(input.pool.facts.pool, database.name));
    if (found == input.leaks.end() || found->second.count == 0) continue;
    text += (text.empty() ? "" : "; ") + ("database " + database.name + ": ") +
            describe(found->second, leak_policy_of(input.pool));
  }
  if (!text.empty()) return condition(type, true, "IdleInTransaction", text);
  if (input.sees_leaks) return condition(type, false, "NoLeak", "no transaction sits idle for long");
  Condition unknown =
      condition(type, false, "NotObserved", "needs spec.postgres.observerSecretRef with a role that has pg_monitor");
  unknown.status = ConditionStatus::kUnknown;
  return unknown;
}

/// Why a pod's numbers are too old, or "".
std::string staleness(const reconcile::PodFacts& pod, const PoolSighting& pool, MonotonicTime now) {
  if (!pod.ready || pod.terminating) return {};
  const auto seen = pool.seen.find(pod.uid);
  if (seen == pool.seen.end() || !seen->second) return pod.name + " was never observed";
  const pgbouncer::PodObservation& observation = *seen->second;
  if (observation.observed_at && now - *observation.observed_at <= SizingBrain::kStale) return {};
  const std::string cause = observation.error ? observation.error->message : "no answer yet";
  return pod.name + " has no fresh numbers: " + cause;
}

Condition stale_condition(const ReportInput& input) {
  const char* type = api::condition::kMetricsStale;
  std::string text;
  for (const reconcile::PodFacts& pod : input.pool.facts.pods) {
    const std::string why = staleness(pod, input.pool, input.now);
    if (!why.empty()) text += (text.empty() ? "" : "; ") + why;
  }
  if (text.empty()) return condition(type, false, "Fresh", "every ready pod is observed");
  return condition(type, true, "PodsNotObserved", text + ". Sizes are frozen meanwhile");
}

reconcile::SizingWords words_of(const ReportInput& input, const api::Database& database) {
  reconcile::SizingWords words;
  const auto advice = input.sizes.find(database.name);
  const std::string id = sizing_id(input.pool.facts.pool, database.name);
  const sizing::PoolDecision* decision = decision_for(input.decision, id);
  if (advice == input.sizes.end() || decision == nullptr) return words;
  words.budget_share = advice->second.approved;
  if (input.pool.facts.pods.empty()) {
    words.size_reason = advice->second.size == api::initial_size(database.pool_size)
                            ? "initial size of spec.databases[].poolSize; no pod runs yet"
                            : "no pod runs yet; as far as the budget allows";
    return words;
  }
  const sizing::Explanation& numbers = decision->why;
  words.size_reason = why(numbers);
  words.recommended_size = decision->recommended * numbers.pods;
  words.utilization_percent = coarse_percent(numbers.busy / std::max(1, numbers.size * numbers.pods));
  words.waiting_clients = coarse_count(numbers.waiting);
  return words;
}

std::string number(const std::optional<std::int32_t>& value) { return value ? std::to_string(*value) : "-"; }

}  // namespace

std::int32_t coarse_percent(double share) {
  if (!std::isfinite(share)) return 0;
  return static_cast<std::int32_t>(std::lround(std::clamp(share, 0.0, 100.0) * 20.0)) * 5;
}

std::int32_t coarse_count(std::int64_t count) {
  static constexpr std::array<std::int32_t, 13> kSteps = {0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000};
  std::int32_t step = 0;
  for (const std::int32_t next : kSteps) {
    if (next <= count) step = next;
  }
  return step;
}

reconcile::SizingReport make_report(const ReportInput& input) {
  reconcile::SizingReport report;
  report.conditions = {budget_condition(input), saturation_condition(input), leak_condition(input),
                       stale_condition(input)};
  for (const api::Database& database : input.pool.facts.pool.spec.databases) {
    report.databases[database.name] = words_of(input, database);
  }
  return report;
}

std::string urgent_key(const reconcile::SizingReport& report) {
  std::string key;
  for (const Condition& made : report.conditions) {
    key += made.type + "=" + made.reason + (made.status == ConditionStatus::kTrue ? "+" : "-") + ";";
  }
  for (const auto& [name, words] : report.databases) key += name + "=" + number(words.budget_share) + ";";
  return key;
}

std::string full_key(const reconcile::SizingReport& report, const sizing::Budget& budget) {
  std::string key = urgent_key(report) + std::to_string(budget.connections) + ";";
  for (const auto& [name, words] : report.databases) {
    key += name + "=" + number(words.recommended_size) + "," + number(words.utilization_percent) + "," +
           number(words.waiting_clients) + ";";
  }
  return key;
}

const sizing::PoolDecision* decision_for(const sizing::ServerDecision& decision, const std::string& id) {
  const auto found = std::find_if(decision.pools.begin(), decision.pools.end(),
                                  [&](const sizing::PoolDecision& pool) { return pool.id == id; });
  return found == decision.pools.end() ? nullptr : &*found;
}

int committed_now(const sizing::PoolInput& input) {
  int sum = 0;
  int highest = input.size;
  for (const sizing::PodInput& pod : input.pod_inputs) {
    int size = std::max(input.size, pod.ceiling);
    highest = std::max(highest, size);
    int reserve = input.limits.reserve_per_pod;
    int servers = 0;
    if (pod.observation && is_usable(*pod.observation)) {
      size = std::max(size, pod.observation->pool_size);
      reserve = std::max(reserve, pod.observation->reserve);
      servers = held(pod.observation->gauges);
    }
    sum += std::max(size + reserve, servers);
  }
  const int unseen = std::max(0, input.pods - static_cast<int>(input.pod_inputs.size()));
  return sum + unseen * (highest + input.limits.reserve_per_pod);
}

}  // namespace poolwright::run

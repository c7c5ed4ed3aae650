#include "sizing/server_sizer.h"

#include <algorithm>

#include "sizing/transition.h"

namespace poolwright::sizing {
namespace {

/// Pods that may exist with what is committed. Pods that are not there yet are held back while they would break the
/// budget (`excess` connections too many) or the pool's own maximum.
int affordable_pods(const PoolInput& pool, int excess) {
  const int existing = static_cast<int>(pool.pod_inputs.size());
  const int planned = std::max(existing, pool.pods);
  int largest = pool.size;
  int sizes = 0;
  for (const PodInput& pod : pool.pod_inputs) {
    const int seen = pod.observation && is_usable(*pod.observation) ? pod.observation->pool_size : 0;
    const int size = std::max({pool.size, pod.ceiling, seen});
    largest = std::max(largest, size);
    sizes += size;
  }
  const int cost = largest + pool.limits.reserve_per_pod;
  const int too_many = excess > 0 ? (excess + cost - 1) / cost : 0;
  // One connection a pod is the least there is, even where the maximum is smaller than the number of pods.
  const int by_maximum = std::max(0, std::max(pool.limits.max, planned) - sizes) / largest;
  return existing + std::clamp(std::min(planned - existing - too_many, by_maximum), 0, planned - existing);
}

Reason reason_of(const Explanation& numbers, bool is_guided) {
  if (!is_guided) return Reason::kFixed;
  if (numbers.size < numbers.share) return Reason::kTransition;
  if (numbers.share < numbers.guarded && numbers.size < numbers.guarded) return Reason::kBudget;
  if (numbers.doubt != Doubt::kNone) return Reason::kDoubt;
  if (numbers.guarded < numbers.wanted) return Reason::kDatabase;
  if (numbers.size < numbers.now && numbers.size > numbers.size_before) return Reason::kStep;
  if (numbers.size >= numbers.max) return Reason::kMaximum;
  if (numbers.size <= numbers.min) return Reason::kMinimum;
  if (numbers.now == numbers.size) return Reason::kDemand;
  return numbers.window_max >= numbers.size ? Reason::kMemory : Reason::kWithin;
}

}  // namespace

ServerDecision ServerSizer::decide(const ServerInput& input) {
  std::vector<Work> works = observe(input);
  GuardVerdict verdict;
  guard_wants(input.time_s, works, verdict);

  ServerDecision decision;
  decision.guard_state = verdict.state;
  decision.is_budget_exceeded = share_budget(input.budget, works);
  move(input.budget, works);
  for (const Work& work : works) {
    decision.committed_before += work.committed;
    decision.committed_after += std::max(work.committed, work.pods * (work.size + work.input->limits.reserve_per_pod));
  }
  for (Work& work : works) {
    work.state->recommender.note_step(input.time_s, work.input->size, work.size);
    PoolDecision pool;
    pool.id = work.input->id;
    pool.size = work.size;
    pool.recommended = work.recommendation.target;
    pool.is_admitted = work.share >= 1;
    pool.pods_affordable = affordable_pods(*work.input, decision.committed_before - input.budget);
    pool.why = explain(work, verdict);
    pool.why.budget = input.budget;
    pool.why.committed_total = decision.committed_before;
    decision.pools.push_back(std::move(pool));
  }
  return decision;
}

std::vector<ServerSizer::Work> ServerSizer::observe(const ServerInput& input) {
  std::map<std::string, Work> works;
  for (const PoolInput& pool : input.pools) {
    if (works.contains(pool.id)) continue;
    Work work;
    work.input = &pool;
    work.state = &pools_.try_emplace(pool.id, parameters_.estimator).first->second;
    work.pods = std::max({1, pool.pods, static_cast<int>(pool.pod_inputs.size())});
    work.limits = per_pod(pool.limits, work.pods);
    work.is_guided = pool.mode == SizingMode::kAuto;
    work.committed = committed(pool, work.state->estimator);
    works.emplace(pool.id, work);
  }
  std::erase_if(pools_, [&](const auto& entry) { return !works.contains(entry.first); });

  std::vector<Work> sorted;
  for (auto& [id, work] : works) {
    PoolState& state = *work.state;
    state.estimator.observe(input.time_s, *work.input);
    const Demand& demand = state.estimator.demand();
    work.recommendation = state.recommender.recommend({.now_s = input.time_s,
                                                       .demand = demand,
                                                       .remembered_load = state.estimator.remembered_load(),
                                                       .pool = *work.input,
                                                       .pods = work.pods,
                                                       .limits = work.limits});
    work.is_frozen =
        work.is_guided && !work.input->pod_inputs.empty() && (demand.doubt != Doubt::kNone || !demand.is_fresh);
    work.want = work.recommendation.want;
    if (work.input->mode == SizingMode::kFixed) work.want = work.limits.initial;
    if (work.input->mode == SizingMode::kRecommend) {
      work.want = std::clamp(work.input->size, work.limits.min, work.limits.max);
    }
    sorted.push_back(work);
  }
  return sorted;
}

void ServerSizer::guard_wants(double now_s, std::vector<Work>& works, GuardVerdict& verdict) {
  if (!parameters_.guard.enabled) return;
  std::vector<GuardClaim> claims;
  claims.reserve(works.size());
  for (const Work& work : works) {
    claims.push_back({.id = work.input->id,
                      .estimator = &work.state->estimator,
                      .pods = work.pods,
                      .min = work.limits.min,
                      .size = work.input->size,
                      .need = work.recommendation.need,
                      .want = work.want,
                      .weight = work.input->weight,
                      .is_contending = work.recommendation.is_contending,
                      .is_growth_wanted = work.recommendation.is_growth_wanted,
                      .is_guided = work.is_guided && work.state->estimator.demand().is_fresh,
                      .is_frozen = work.is_frozen});
  }
  verdict = apply_guard(guard_, now_s, claims);
  for (Work& work : works) {
    const auto found = verdict.want.find(work.input->id);
    if (found != verdict.want.end()) work.want = found->second;
  }
}

/// True if the budget does not hold the minimums.
bool ServerSizer::share_budget(int budget, std::vector<Work>& works) {
  std::vector<TieredClaim> claims;
  for (const Work& work : works) {
    const bool is_sized_by_demand = work.is_guided && !work.is_frozen;
    const bool has_pods = !work.input->pod_inputs.empty();
    // A pool that is not running yet claims no more than its minimum before others have their headroom.
    const int claimed = has_pods ? work.want : work.limits.min;
    claims.push_back({.id = work.input->id,
                      .pods = work.pods,
                      .min = work.limits.min,
                      .max = work.limits.max,
                      .bare = is_sized_by_demand && has_pods ? work.recommendation.bare : claimed,
                      .need = is_sized_by_demand && has_pods ? work.recommendation.need : claimed,
                      .want = work.want,
                      .weight = work.input->weight,
                      .size = work.input->size,
                      .is_frozen = work.is_frozen,
                      .is_urgent = !work.is_guided || work.state->estimator.demand().is_queueing,
                      .reserve_per_pod = work.input->limits.reserve_per_pod,
                      .tolerance = work.is_guided ? work.input->policy.tolerance : 0.0});
  }
  const Shares shares = allocate(budget, claims);
  for (Work& work : works) work.share = shares.units.at(work.input->id);
  return shares.is_infeasible;
}

void ServerSizer::move(int budget, std::vector<Work>& works) {
  std::vector<Move> moves;
  moves.reserve(works.size());
  for (const Work& work : works) {
    moves.push_back({.id = work.input->id,
                     .pods = work.pods,
                     .reserve_per_pod = work.input->limits.reserve_per_pod,
                     .size = work.input->size,
                     .want = std::max(1, work.share),
                     .committed = work.committed});
  }
  const std::map<std::string, int> sizes = plan_transition(budget, moves);
  for (Work& work : works) work.size = sizes.at(work.input->id);
}

Explanation ServerSizer::explain(const Work& work, const GuardVerdict& verdict) {
  const Demand& demand = work.state->estimator.demand();
  const Recommendation& recommendation = work.recommendation;
  const PoolPolicy& policy = work.input->policy;
  Explanation numbers;
  numbers.doubt = demand.doubt;
  numbers.size_before = work.input->size;
  numbers.size = work.size;
  numbers.pods = work.pods;
  numbers.min = work.limits.min;
  numbers.max = work.limits.max;
  numbers.load = demand.load;
  numbers.busy = demand.busy;
  numbers.remembered_load = work.state->estimator.remembered_load();
  numbers.transactions = demand.transactions;
  numbers.service_s = demand.service_s;
  numbers.statement_share = demand.statement_share;
  numbers.waiting = demand.waiting;
  numbers.leaked = demand.leaked;
  numbers.is_queueing = demand.is_queueing;
  numbers.target_utilization = policy.target_utilization;
  numbers.max_wait_probability = policy.max_wait_probability;
  numbers.down_window_s = policy.down_window_s;
  numbers.now = recommendation.now;
  numbers.past = recommendation.past;
  numbers.leak_compensation = recommendation.leak_compensation;
  numbers.window_max = recommendation.window_max;
  numbers.need = recommendation.need;
  numbers.bare = recommendation.bare;
  numbers.wanted = recommendation.want;
  numbers.guarded = work.want;
  numbers.share = work.share;
  numbers.guard_state = verdict.state;
  numbers.guard_cap = verdict.cap;
  numbers.guard_concurrency = verdict.concurrency;
  numbers.reason = reason_of(numbers, work.is_guided);
  return numbers;
}

}  // namespace poolwright::sizing

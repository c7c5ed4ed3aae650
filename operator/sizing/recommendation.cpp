#include "sizing/recommendation.h"

#include <algorithm>
#include <cmath>

#include "sizing/staffing.h"

namespace poolwright::sizing {
namespace {

// Part of the down window that must have been observed before anything is taken away.
constexpr double kCoverage = 0.4;
// Load, as a share of the size, above which a pool counts as pressed.
constexpr double kPressedShare = 0.9;
// 0.75 * 20 must round to 15, whatever its last bit.
constexpr double kRounding = 1e-9;

int round_up(double value) { return static_cast<int>(std::ceil(value - kRounding)); }

}  // namespace

void Recommender::note_step(double now_s, int from, int to) {
  if (to > from) last_up_s_ = now_s;
  if (to < from) last_down_s_ = now_s;
}

Recommendation Recommender::recommend(const RecommendationInput& input) {
  const PoolPolicy& policy = input.pool.policy;
  const PerPodLimits& limits = input.limits;
  const int pods = std::max(1, input.pods);
  const int size = std::clamp(input.pool.size, limits.min, limits.max);
  if (!input.demand.is_fresh || input.demand.doubt == Doubt::kWarmingUp) {
    Recommendation kept = last_;
    kept.want = size;
    kept.is_growth_wanted = false;
    kept.is_contending = input.now_s - pressed_s_ <= parameters_.contending_s;
    return last_ = kept;
  }

  const double beta = beta_for(policy.max_wait_probability);
  const double remembered = std::min(input.remembered_load, static_cast<double>(limits.max) * pods);
  Recommendation result;
  result.leak_compensation = std::min((input.demand.leaked + pods - 1) / pods,
                                      static_cast<int>(policy.leak_compensation * limits.max + kRounding));
  result.now = std::clamp(staff(input.demand.load / pods, policy.target_utilization, beta) + result.leak_compensation,
                          limits.min, limits.max);
  result.past = std::clamp(staff(remembered / pods, policy.target_utilization, beta) + result.leak_compensation,
                           limits.min, limits.max);
  const bool is_trusted = input.demand.doubt == Doubt::kNone;
  if (is_trusted) {
    remember({.time_s = input.now_s,
              .now = result.now,
              .remembered = std::max(result.now, result.past),
              .load = input.demand.load},
             policy);
  }
  if (input.demand.is_queueing || input.demand.load > kPressedShare * size * pods) pressed_s_ = input.now_s;
  result.is_contending = input.now_s - pressed_s_ <= parameters_.contending_s;

  result.window_max = window_max(input);
  result.target = std::max(result.now, result.window_max);
  result.want = size;
  if (result.now > size) {
    const int grown = step_up(input, result);
    result.is_growth_wanted = grown > size;
    if (!input.demand.is_opening) result.want = grown;
  } else if (is_trusted) {
    result.want = step_down(input, result);
  }
  set_needs(input, result);
  return last_ = result;
}

void Recommender::remember(const Need& need, const PoolPolicy& policy) {
  started_s_ = std::min(started_s_, need.time_s);
  needs_.push_back(need);
  const double window_s = std::max({policy.down_window_s, policy.up_window_s, parameters_.need_window_s});
  while (needs_.front().time_s < need.time_s - window_s) needs_.pop_front();
}

void Recommender::set_needs(const RecommendationInput& input, Recommendation& result) const {
  double sizes = result.now;
  double loads = input.demand.load;
  double count = 1.0;
  if (!input.demand.is_queueing) {
    sizes = loads = count = 0.0;
    for (const Need& need : needs_) {
      if (need.time_s < input.now_s - parameters_.need_window_s) continue;
      sizes += need.now;
      loads += need.load;
      count += 1.0;
    }
    if (count == 0.0) {
      sizes = result.now;
      loads = input.demand.load;
      count = 1.0;
    }
  }
  const PerPodLimits& limits = input.limits;
  result.need = std::clamp(round_up(sizes / count), limits.min, limits.max);
  const double load = loads / count / std::max(1, input.pods);
  result.bare = std::clamp(staff(load, parameters_.bare_utilization, parameters_.bare_beta), limits.min,
                           std::max(limits.min, std::min(result.want, limits.max)));
}

int Recommender::window_max(const RecommendationInput& input) const {
  int highest = 0;
  for (const Need& need : needs_) {
    if (need.time_s >= input.now_s - input.pool.policy.down_window_s) highest = std::max(highest, need.remembered);
  }
  return std::clamp(highest, input.limits.min, input.limits.max);
}

int Recommender::step_up(const RecommendationInput& input, const Recommendation& result) const {
  const PoolPolicy& policy = input.pool.policy;
  const int size = result.want;
  if (input.now_s - last_up_s_ < policy.up_period_s) return size;
  int asked = result.now;
  for (const Need& need : needs_) {
    if (need.time_s >= input.now_s - policy.up_window_s) asked = std::min(asked, need.now);
  }
  // Without waiting clients a difference within the tolerance is not worth a reload.
  if (input.demand.waiting == 0 && asked <= size * (1.0 + policy.tolerance)) return size;
  const int step = std::max(round_up(size * policy.up_factor), size + policy.up_step);
  return std::max(size, std::min(asked, step));
}

int Recommender::step_down(const RecommendationInput& input, Recommendation& result) const {
  const PoolPolicy& policy = input.pool.policy;
  const int size = result.want;
  if (result.window_max > size - 1 || result.window_max >= size * (1.0 - policy.tolerance)) return size;
  if (!may_shrink(input.now_s, policy)) {
    result.is_shrink_delayed = true;
    return size;
  }
  // Rounding must not take more than the share, yet a size of 2 has to be able to become 1.
  const int smallest = std::min(size - 1, round_up(size * (1.0 - policy.down_fraction)));
  return std::max({result.window_max, smallest, input.limits.min});
}

bool Recommender::may_shrink(double now_s, const PoolPolicy& policy) const {
  if (now_s - last_down_s_ < policy.down_period_s || now_s - started_s_ < policy.down_window_s) return false;
  const auto covered = std::count_if(needs_.begin(), needs_.end(),
                                     [&](const Need& need) { return need.time_s >= now_s - policy.down_window_s; });
  return static_cast<double>(covered) >= kCoverage * policy.down_window_s;
}

}  // namespace poolwright::sizing

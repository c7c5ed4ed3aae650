#include "sizing/transition.h"

#include <algorithm>
#include <vector>

namespace poolwright::sizing {
namespace {

/// Connections committed once the pool's newest size is `size`.
int commitment_at(const Move& move, int size) {
  return std::max(move.committed, move.pods * (size + move.reserve_per_pod));
}

}  // namespace

int committed(const PoolInput& pool, const DemandEstimator& estimator) {
  int sum = 0;
  int highest = pool.size;
  for (const PodInput& pod : pool.pod_inputs) {
    int size = std::max(pool.size, pod.ceiling);
    highest = std::max(highest, size);
    int reserve = pool.limits.reserve_per_pod;
    int servers = estimator.last_held(pod.name);
    if (pod.observation && is_usable(*pod.observation)) {
      size = std::max(size, pod.observation->pool_size);
      reserve = std::max(reserve, pod.observation->reserve);
      servers = held(pod.observation->gauges);
    }
    sum += std::max(size + reserve, servers);
  }
  const int unseen = std::max(0, pool.pods - static_cast<int>(pool.pod_inputs.size()));
  return sum + unseen * (highest + pool.limits.reserve_per_pod);
}

std::map<std::string, int> plan_transition(int budget, std::span<const Move> moves) {
  std::map<std::string, int> sizes;
  std::vector<const Move*> growing;
  int free = budget;
  for (const Move& move : moves) {
    free -= move.committed;
    sizes[move.id] = std::min(move.size, move.want);
    if (move.want > move.size) growing.push_back(&move);
  }
  const auto is_smaller = [&](const Move* a, const Move* b) {
    const double share_a = static_cast<double>(sizes[a->id]) / a->want;
    const double share_b = static_cast<double>(sizes[b->id]) / b->want;
    return share_a != share_b ? share_a < share_b : a->id < b->id;
  };
  while (!growing.empty()) {
    const auto next = std::min_element(growing.begin(), growing.end(), is_smaller);
    const Move& move = **next;
    int& size = sizes[move.id];
    const int cost = commitment_at(move, size + 1) - commitment_at(move, size);
    // While the whole is over the budget, `free` is negative and not even a unit that costs nothing new is given.
    if (cost > free) {
      growing.erase(next);
      continue;
    }
    free -= cost;
    ++size;
    if (size == move.want) growing.erase(next);
  }
  return sizes;
}

}  // namespace poolwright::sizing

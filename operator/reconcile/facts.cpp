#include "reconcile/facts.h"

#include <algorithm>
#include <iterator>

namespace poolwright::reconcile {

render::PodHold may_hold(const PodFacts& pod, const api::Database& database) {
  if (pod.at_gate) return {};
  if (!pod.may_hold) {
    return {.size = std::max(1, database.pool_size.max), .reserve = std::max(0, database.reserve_pool_size)};
  }
  const auto found = pod.may_hold->find(database.name);
  return found == pod.may_hold->end() ? render::PodHold{} : found->second;
}

bool is_live(const PodFacts& pod) { return !pod.terminating && !pod.at_gate; }

std::vector<PodFacts> reachable_pods(const Facts& facts) {
  std::vector<PodFacts> pods;
  std::copy_if(facts.pods.begin(), facts.pods.end(), std::back_inserter(pods),
               [](const PodFacts& pod) { return !pod.address.empty() && is_live(pod); });
  return pods;
}

Room room_of(const Facts& facts, const api::Database& database, bool rollout_ahead) {
  constexpr std::int32_t kSurge = 1;
  const std::int32_t replicas = facts.pool.spec.pgbouncer.replicas;
  Room room{.least = replicas + kSurge};
  std::int32_t there = 0;
  for (const PodFacts& pod : facts.pods) {
    if (!pod.terminating) ++there;
    if (pod.at_gate) continue;
    const render::PodHold hold = may_hold(pod, database);
    if (pod.terminating) {
      room.stopping.size += hold.size;
      room.stopping.reserve += hold.reserve;
    } else if (pod.has_gate) {
      room.live.push_back(hold.total());
    }
  }
  const std::int32_t asked = replicas + (rollout_ahead ? kSurge : 0);
  room.pods = std::max({std::int32_t{1}, asked, there, facts.deployment.replicas});
  return room;
}

bool has_older_pods(const Facts& facts, const std::string& restart_hash) {
  return std::any_of(facts.pods.begin(), facts.pods.end(),
                     [&](const PodFacts& pod) { return !pod.terminating && pod.restart_hash != restart_hash; });
}

}  // namespace poolwright::reconcile

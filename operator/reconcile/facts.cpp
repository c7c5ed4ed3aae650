#include "reconcile/facts.h"

#include <algorithm>

namespace poolwright::reconcile {

std::int32_t pod_slots(const Facts& facts, bool rollout_ahead) {
  constexpr std::int32_t kSurge = 1;
  const std::int32_t asked = facts.pool.spec.pgbouncer.replicas + (rollout_ahead ? kSurge : 0);
  const auto there = static_cast<std::int32_t>(facts.pods.size());
  return std::max({std::int32_t{1}, asked, there, facts.deployment.replicas});
}

bool has_older_pods(const Facts& facts, const std::string& restart_hash) {
  return std::any_of(facts.pods.begin(), facts.pods.end(),
                     [&](const PodFacts& pod) { return pod.restart_hash != restart_hash; });
}

}  // namespace poolwright::reconcile

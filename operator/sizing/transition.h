// From the sizes that are to the sizes that should be, without ever allowing more connections than the budget: shrinks
// go out at once, growth only takes what has been seen to be free. Pure functions.
#pragma once

#include <map>
#include <span>
#include <string>

#include "sizing/estimator.h"

namespace poolwright::sizing {

/// One pool in motion.
struct Move {
  std::string id;
  int pods = 1;
  int reserve_per_pod = 0;
  /// Newest size sent, and the size to come to; both per pod.
  int size = 1;
  int want = 1;
  /// Connections of this pool that may exist now or by settings that are on their way (committed()).
  int committed = 0;
};

/// Connections that the pool may have at any moment until newer settings are confirmed: for every pod the largest of
/// what it holds, runs, was told, or may still load, each plus the reserve. Pods that were never seen count in full.
int committed(const PoolInput& pool, const DemandEstimator& estimator);

/// The sizes to send now, one entry a pool. Growth is given in single units, relatively smallest pool first, while the
/// sum of what is committed stays within the budget. No pool grows while the sum is above it.
std::map<std::string, int> plan_transition(int budget, std::span<const Move> moves);

}  // namespace poolwright::sizing

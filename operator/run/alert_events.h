// Tells on the resource what a person must know of the alerts: one event when something is the matter with a pool, one
// when it is over. What the alerts are about is counted, so that ten pods are one event.
// Thread rule: one owner.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "health/monitor.h"
#include "run/known_pools.h"

namespace poolwright::run {

class AlertEvents {
 public:
  /// Events that the step from the previous report to this one makes. Pools that are not known
  /// are not told of.
  std::vector<api::EventNote> update(const health::Report& report, const KnownPools& pools);

 private:
  /// Pool (by pool_id) and kind.
  using Subject = std::pair<std::string, health::AlertKind>;
  std::map<Subject, std::string> raised_;  // with what was told
};

}  // namespace poolwright::run

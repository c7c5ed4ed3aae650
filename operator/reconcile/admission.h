// What pods may hold and where, and which of those that wait at their gate may start now: only what is free is given
// away. Thread rule: pure.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "pgbouncer/verify.h"
#include "reconcile/facts.h"
#include "render/shares.h"

namespace poolwright::reconcile {

/// The shares of one pod in a configuration.
render::PodHolds holds_of(const pgbouncer::ExpectedConfig& config);

/// The servers that a configuration leads to, "host:port".
std::set<std::string> servers_of(const pgbouncer::ExpectedConfig& config);

/// The value of kMayReachAnnotation, and back.
std::string reach_text(const std::set<std::string>& servers);
std::set<std::string> read_reach(const std::string& text);

/// Whether the pod has no more connections than its share, reserve included.
bool keeps_to(const render::PodHolds& share, const std::vector<pgbouncer::DatabaseRow>& live);

/// Pods (UID) at their gate for which there is room beside what all others may hold, in the order of the facts. `share`
/// is what a pod starts with. `settled` are live pods that were seen to run it and to hold no more; the others count
/// with what is recorded on them, too.
std::vector<std::string> pods_to_admit(const Facts& facts, const render::PodHolds& share,
                                       const std::map<std::string, bool>& settled);

}  // namespace poolwright::reconcile

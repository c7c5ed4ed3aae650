// Which pools may need work after an object changed. Too many is harmless, too few is a bug.
// Thread rule: pure over the given objects; called on the ingest thread, so it does no I/O.
#pragma once

#include <set>
#include <vector>

#include "api/object_store.h"
#include "kube/cache.h"
#include "kube/work_queue.h"

namespace poolwright::run {

/// `pools` are the cached ConnectionPools of the object's namespace.
std::set<kube::WorkKey> pools_to_look_at(const api::Json& changed, const std::string& kind,
                                         const std::vector<api::Object>& pools);

/// Whether an update of an object matters: a status of a pool that we wrote ourselves, or a heartbeat of metadata
/// alone, does not.
bool is_relevant(const kube::ObjectChange& change, const std::string& kind);

}  // namespace poolwright::run

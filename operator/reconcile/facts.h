// What a decision about one pool is made from, gathered before it: plain values.
// Thread rule: plain values; shared objects are const.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/connection_pool.h"
#include "api/object.h"
#include "api/object_store.h"
#include "base/clock.h"
#include "base/result.h"
#include "render/credentials.h"

namespace poolwright::reconcile {

/// One PgBouncer pod as the API server knows it.
struct PodFacts {
  std::string name;
  std::string uid;
  std::string address;  // status.podIP, "" while it has none
  bool ready = false;
  bool terminating = false;  // has a deletionTimestamp
  std::string nudged_hash;   // annotation with the config hash that the kubelet was last told about
  std::string restart_hash;  // of the pod template that it was made from
  std::string reconnected;   // annotation with the reconnect that was carried out here last (operations.h)
  std::optional<WallTime> created_at;
};

/// What our Deployment says about its pods.
struct DeploymentFacts {
  bool exists = false;
  std::int32_t replicas = 0;
};

struct Facts {
  api::ConnectionPool pool;
  std::string request;                                    // of a person who asks for a reconcile now
  std::map<std::string, Result<api::Json>> secrets;       // user's Secrets, by name
  std::map<std::string, Result<std::int32_t>> instances;  // by database, where a workload is named
  render::ConsoleCredentials console;                     // stored ones, or fresh ones for a new pool
  std::map<std::string, std::int32_t> sizes;              // by database, as the stored ConfigMap records them
  DeploymentFacts deployment;
  std::vector<PodFacts> pods;  // by name
};

/// What is stored under the names that a decision wants.
struct StoredObjects {
  std::map<api::ObjectKey, api::Object> by_key;
  /// Objects of this pool (by controller UID) that may have to go.
  std::vector<api::Object> owned;
};

/// Pods of a pool that may hold server connections at the same time: those that are there (surging and terminating ones
/// included), those that are asked for, and one more while a rollout runs or is about to.
std::int32_t pod_slots(const Facts& facts, bool rollout_ahead);

/// Pods of another template than this one are there: a rollout runs, or will once the template is stored.
bool has_older_pods(const Facts& facts, const std::string& restart_hash);

}  // namespace poolwright::reconcile

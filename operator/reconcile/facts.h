// What a decision about one pool is made from, gathered before it: plain values.
// Thread rule: plain values; shared objects are const.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/connection_pool.h"
#include "api/object.h"
#include "api/object_store.h"
#include "base/clock.h"
#include "base/result.h"
#include "reconcile/size_advice.h"
#include "render/credentials.h"
#include "render/render.h"
#include "render/shares.h"

namespace poolwright::reconcile {

/// One PgBouncer pod as the API server knows it.
struct PodFacts {
  std::string name;
  std::string uid;
  std::string address;                       // status.podIP, "" while it has none
  std::uint16_t port = render::kPoolerPort;  // of its PgBouncer
  bool ready = false;
  bool terminating = false;  // has a deletionTimestamp
  bool at_gate = false;      // its PgBouncer has not started, and does not before the operator lets it
  bool has_gate = false;     // made from a template with a gate
  /// The most that it may hold, as the operator recorded it on the pod before it told the pod so.
  std::optional<render::PodHolds> may_hold = {};
  /// Servers ("host:port", as its configurations name them) that it may have connections to, recorded in the same way;
  /// empty where nothing is.
  std::set<std::string> may_reach = {};
  std::string nudged_hash;   // annotation with the config hash that the kubelet was last told about
  std::string restart_hash;  // of the pod template that it was made from
  std::optional<WallTime> created_at = std::nullopt;
  std::optional<WallTime> reconnected_at = std::nullopt;  // annotation with the reconnect that was done here last
};

/// What our Deployment says about its pods.
struct DeploymentFacts {
  bool exists = false;
  std::int32_t replicas = 0;
  std::string restart_hash;  // of its pod template
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
  PoolAdvice advice;           // what the sizing allows
};

/// What is stored under the names that a decision wants.
struct StoredObjects {
  std::map<api::ObjectKey, api::Object> by_key;
  /// Objects of this pool (by controller UID) that may have to go.
  std::vector<api::Object> owned;
};

/// Pods whose console may be spoken to: they have an address, run and do not terminate.
std::vector<PodFacts> reachable_pods(const Facts& facts);

/// Among whom the connections of a database are shared: the pods that are there, those that are asked for, and one more
/// while a rollout runs or is about to. Nobody can tell a pod that stops a smaller share any more.
Room room_of(const Facts& facts, const api::Database& database, bool rollout_ahead);

/// The most that a pod may hold of a database; where nothing is recorded, all that the spec allows.
render::PodHold may_hold(const PodFacts& pod, const api::Database& database);

/// A pod that runs, or may, and can be told what to do.
bool is_live(const PodFacts& pod);

/// Pods of another template than this one run: a rollout does, too, or will once the template is stored.
bool has_older_pods(const Facts& facts, const std::string& restart_hash);

}  // namespace poolwright::reconcile

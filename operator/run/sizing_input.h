// From what was seen of pools, pods and servers to the input of the sizing. Thread rule: plain values, pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/connection_pool.h"
#include "pgbouncer/fleet.h"
#include "postgres/observation.h"
#include "reconcile/facts.h"
#include "run/server_name.h"
#include "sizing/leaks.h"
#include "sizing/observation.h"

namespace poolwright::run {

using PodSeen = std::shared_ptr<const pgbouncer::PodObservation>;
using ServerSeen = std::shared_ptr<const postgres::ServerObservation>;

/// One pool of the cluster at one moment.
struct PoolSighting {
  /// Of `facts` only the pool, the recorded sizes, the Deployment and the pods are used.
  reconcile::Facts facts;
  std::map<std::string, PodSeen> seen;  // by the pod's UID; without an entry nobody watches it yet
  bool is_deleted = false;              // the resource is gone, its pods are not
  bool is_paused = false;               // nothing of it is changed by annotation
};

/// System identifiers by name, as they were read last.
using ServerIdentities = std::map<std::string, std::string>;

/// Takes over what was seen of the servers with these names, and forgets all others. A standby has no identity: it has
/// its primary's identifier and connections of its own.
void identify(const std::set<std::string>& names, const std::map<std::string, ServerSeen>& seen,
              ServerIdentities& identities);

/// Names that lead to the same server: of the same identity. Gives for every name the first one of its group.
std::map<std::string, std::string> same_servers(const std::set<std::string>& names, const ServerIdentities& identities);

/// "shop/orders/app": unique in the cluster.
std::string sizing_id(const api::ConnectionPool& pool, const std::string& database);

/// Among whom the connections of a database are shared, as the reconciler does it.
reconcile::Room room_now(const reconcile::Facts& facts, const api::Database& database);

/// What a pod last said about one database; nothing where it did not speak of it.
std::optional<sizing::PodObservation> observation_of(const pgbouncer::PodObservation& pod, const std::string& database);

sizing::SizingMode mode_of(api::SizingMode mode);
sizing::PoolPolicy policy_of(const api::Sizing& sizing);

/// Nobody's sessions are ended while nothing of the pool is to be changed.
sizing::LeakPolicy leak_policy_of(const PoolSighting& pool);

struct DatabaseMemory {
  /// Size per pod that was last decided; nothing for a pool that this process has not decided about.
  std::optional<int> size_per_pod;
  std::map<std::string, int> ceilings;  // by the pod's UID
  int leaked = 0;
  /// The pool comes from another server: what it has is there.
  bool is_arriving = false;
  std::set<std::string> pods_elsewhere;  // UIDs of pods that do not know this server yet
};

/// One database of a pool as the sizing takes it: its live pods that may reach the server, and of its limits what
/// stopping pods leave. A database that never had a size there begins with one connection a pod and grows to its
/// initial size, or the one that it comes with, as far as the budget is free.
sizing::PoolInput pool_input(const PoolSighting& pool, const api::Database& database, const DatabaseMemory& memory);

/// Sessions of the server that belong to one database: by database and by the user that its PgBouncers log in as.
std::vector<sizing::Session> idle_sessions(const postgres::ServerObservation& server, const std::string& database,
                                           const std::string& user);

/// User that the pods log in as, as SHOW DATABASES tells; "" while none was observed.
std::string login_user(const PoolSighting& pool, const std::string& database);

/// Connections of one database that the consoles of its pods show.
int held_by(const PoolSighting& pool, const std::string& database);

/// Who may have sessions on a server through pools: user and database on the server, and how many at most.
using OwnSessions = std::map<std::pair<std::string, std::string>, int>;

/// Sessions that no pool accounts for. Direct clients that use a pool's own login are those beyond what it holds.
int foreign_sessions(const postgres::ServerObservation& server, const OwnSessions& own);

}  // namespace poolwright::run

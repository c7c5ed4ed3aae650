// From what the operator saw to what the monitoring is told: one pool, its pods, and the servers that pools share.
// Thread rule: pure functions over plain values.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/connection_pool.h"
#include "api/object.h"
#include "health/observations.h"
#include "pgbouncer/fleet.h"
#include "redis/probe.h"
#include "run/server_name.h"

namespace poolwright::run {

struct PodView {
  std::string name;
  bool is_terminating = false;
  bool is_at_gate = false;
  MonotonicTime first_seen{};                             // since when it may start
  std::shared_ptr<const pgbouncer::PodObservation> seen;  // null: nobody has a console of it
  std::string refusal;                                    // why it did not take the newest configuration
};

struct PoolView {
  std::shared_ptr<const api::ConnectionPool> pool;
  api::Json status;                           // as stored; for what people decided elsewhere, never for a decision
  std::string config_hash;                    // that is stored for the pods
  std::map<std::string, std::int32_t> sizes;  // by database, as stored
  std::vector<PodView> pods;
  std::optional<redis::ProbeOutcome> redis;  // of the pool's Redis, where it has one and it was asked
  std::string redis_problem;                 // why it cannot be asked
};

health::PoolObservation view_of(const PoolView& pool, const ServerViews& servers);

/// Every server that one of the pools names, with its budget and who has how much of it. A server that cannot be asked
/// for want of a login is neither up nor down.
std::vector<health::ServerObservation> servers_of(const std::vector<PoolView>& pools, const ServerViews& servers);

}  // namespace poolwright::run

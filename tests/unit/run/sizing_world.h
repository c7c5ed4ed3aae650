// Pools, pods and servers as the sizing sees them, for its tests.
#pragma once

#include <memory>
#include <string>

#include "run/sizing_brain.h"

namespace poolwright::run {

inline api::Database database(const std::string& name, int min, int max, int initial) {
  api::Database made;
  made.name = name;
  made.credentials_secret_ref.name = name;
  made.pool_size = {.min = min, .max = max, .initial = initial};
  made.reserve_pool_size = 0;
  return made;
}

inline PoolSighting pool(const std::string& name, const std::string& host, int replicas) {
  PoolSighting made;
  made.facts.pool.name = name;
  made.facts.pool.namespace_name = "shop";
  made.facts.pool.uid = "uid-" + name;
  made.facts.pool.generation = 1;
  made.facts.pool.spec.postgres.host = host;
  made.facts.pool.spec.postgres.connection_budget = {.max = 40, .reserved = 0};
  made.facts.pool.spec.pgbouncer.replicas = replicas;
  made.facts.pool.spec.databases = {database("app", 2, 20, 10)};
  return made;
}

/// A pod that runs database "app" with `size` and holds `held` idle connections.
inline void add_pod(PoolSighting& pool, const std::string& uid, MonotonicTime now, int size, int held = 0,
                    int reserve = 0) {
  pool.facts.pods.push_back({.name = uid, .uid = uid, .address = "10.0.0.1", .ready = true});
  auto seen = std::make_shared<pgbouncer::PodObservation>();
  seen->is_connected = true;
  seen->observed_at = now;
  seen->databases.push_back({.name = "app", .force_user = "app_user", .pool_size = size, .reserve_pool_size = reserve});
  seen->pools.push_back({.database = "app", .user = "app_user", .sv_idle = held});
  seen->stats.push_back({.database = "app"});
  pool.seen[uid] = std::move(seen);
}

}  // namespace poolwright::run

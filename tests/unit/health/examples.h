// Observations for tests: one pool with one database on two PgBouncers, which tests then change.
#pragma once

#include <string>

#include "health/observations.h"

namespace poolwright::health::examples {

inline MonotonicTime at(double seconds) {
  return MonotonicTime{std::chrono::nanoseconds{static_cast<std::int64_t>(seconds * 1e9)}};
}
inline WallTime wall(double seconds) {
  return WallTime{std::chrono::nanoseconds{static_cast<std::int64_t>((1.7e9 + seconds) * 1e9)}};
}

/// A PgBouncer whose database `orders` may open 25 and has `active` open transactions that do not end.
inline PodObservation pod(const std::string& name, double seconds, std::int64_t active = 0) {
  PodObservation pod{.name = name,
                     .first_seen = at(0),
                     .observed_at = at(seconds),
                     .response_ms = 0.5,
                     .version = "1.26.1",
                     .config_hash = "abc"};
  pod.pools.push_back({.database = "orders",
                       .user = "orders_app",
                       .cl_active = active + 40,
                       .sv_active = active,
                       .sv_idle = 25 - active});
  pod.databases.push_back({.name = "orders",
                           .host = "orders-db.shop.svc",
                           .port = 5432,
                           .database = "orders",
                           .force_user = "orders_app",
                           .pool_mode = "transaction",
                           .pool_size = 25,
                           .reserve_pool_size = 5,
                           .max_connections = 50,
                           .current_connections = 25});
  pod.stats.push_back({.database = "orders", .xact_count = 1000, .query_count = 3000});
  pod.max_client_conn = 110;
  return pod;
}

inline Observations observations(double seconds, std::int64_t active_0 = 0, std::int64_t active_1 = 0) {
  Observations all{.now = at(seconds), .wall_now = wall(seconds)};
  PoolObservation pool{.namespace_name = "shop",
                       .name = "orders",
                       .pool_mode = "transaction",
                       .endpoint = "orders-pool.shop.svc:6432",
                       .max_client_connections = 100,
                       .wanted_config_hash = "abc"};
  pool.databases.push_back({.name = "orders",
                            .server = "orders-db.shop.svc:5432",
                            .size = 50,
                            .size_min = 5,
                            .size_max = 50,
                            .reserve = 10,
                            .size_reason = "50 is the maximum.",
                            .connection_limit = 5,
                            .pool_timeout_s = 20,
                            .connect_timeout_s = 10});
  pool.pods = {pod("orders-pool-0", seconds, active_0), pod("orders-pool-1", seconds, active_1)};
  all.pools.push_back(std::move(pool));
  ServerObservation server{.id = "orders-db.shop.svc:5432",
                           .version = "15.8",
                           .is_reachable = true,
                           .response_ms = 1.2,
                           .max_connections = 100,
                           .connections = 40,
                           .budget = 87};
  server.shares.push_back(
      {.namespace_name = "shop", .pool = "orders", .database = "orders", .committed = 60, .held = 50});
  all.servers.push_back(std::move(server));
  return all;
}

}  // namespace poolwright::health::examples

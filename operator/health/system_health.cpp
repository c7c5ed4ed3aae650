#include "health/system_health.h"

#include <algorithm>
#include <tuple>

namespace poolwright::health {
namespace {

HealthState worse(HealthState a, HealthState b) { return std::max(a, b); }

/// As a part counts in the whole.
HealthState as_part(HealthState state) { return state == HealthState::kUnknown ? HealthState::kDegraded : state; }

ServerHealth server_health(const ServerObservation& server) {
  ServerHealth result{
      .id = server.id, .version = server.version, .response_ms = server.response_ms, .problem = server.problem};
  if (server.is_reachable) {
    result.state = HealthState::kHealthy;
  } else {
    // Without a reason nobody has asked it yet.
    result.state = server.problem.empty() ? HealthState::kUnknown : HealthState::kDown;
    result.response_ms.reset();
  }
  return result;
}

HealthState pod_state(const PodObservation& pod, MonotonicTime now) {
  if (pod.observed_at && pod.problem.empty()) return HealthState::kHealthy;
  const bool may_be_starting = pod.is_at_gate || (!pod.observed_at && now - pod.first_seen < kStartGrace);
  return may_be_starting ? HealthState::kUnknown : HealthState::kDown;
}

RedisHealth redis_health(const PoolObservation& pool) {
  const RedisObservation& redis = *pool.redis;
  return {.namespace_name = pool.namespace_name,
          .pool = pool.name,
          .is_available = redis.is_available,
          .is_connected = redis.is_connected,
          .state = redis.is_connected ? HealthState::kHealthy : HealthState::kDegraded,
          .response_ms = redis.response_ms,
          .status = redis.is_connected ? redis.status : redis.problem};
}

const PoolStatistics* find_stats(const ConnectionPoolStats& stats, const PoolObservation& pool) {
  const auto found = std::lower_bound(stats.pools.begin(), stats.pools.end(), pool,
                                      [](const PoolStatistics& a, const PoolObservation& b) {
                                        return std::tie(a.namespace_name, a.name) < std::tie(b.namespace_name, b.name);
                                      });
  const bool is_it =
      found != stats.pools.end() && found->namespace_name == pool.namespace_name && found->name == pool.name;
  return is_it ? &*found : nullptr;
}

/// Down: no PgBouncer answers. Degraded: one does not, or the pool is overloaded.
PoolHealth pool_health(const PoolObservation& pool, const PoolStatistics* stats, MonotonicTime now) {
  PoolHealth result{.namespace_name = pool.namespace_name, .pool = pool.name};
  result.is_overloaded = stats != nullptr && is_connection_pool_overloaded(*stats);
  int healthy = 0;
  int down = 0;
  int other = 0;
  for (const PodObservation& pod : pool.pods) {
    if (pod.is_terminating) continue;
    const HealthState state = pod_state(pod, now);
    ++(state == HealthState::kHealthy ? healthy : state == HealthState::kDown ? down : other);
  }
  if (healthy == 0) {
    result.state = down > 0 ? HealthState::kDown : HealthState::kUnknown;
  } else {
    result.state = down > 0 || result.is_overloaded ? HealthState::kDegraded : HealthState::kHealthy;
  }
  return result;
}

void sort_parts(SystemHealth& health) {
  const auto by_name = [](const auto& a, const auto& b) {
    return std::tie(a.namespace_name, a.pool) < std::tie(b.namespace_name, b.pool);
  };
  std::sort(health.pools.begin(), health.pools.end(), by_name);
  std::sort(health.redis.begin(), health.redis.end(), by_name);
  std::sort(health.databases.begin(), health.databases.end(),
            [](const ServerHealth& a, const ServerHealth& b) { return a.id < b.id; });
  std::sort(health.pgbouncers.begin(), health.pgbouncers.end(), [](const PgbouncerHealth& a, const PgbouncerHealth& b) {
    return std::tie(a.namespace_name, a.pool, a.pod) < std::tie(b.namespace_name, b.pool, b.pod);
  });
}

}  // namespace

std::string_view to_string(HealthState state) {
  switch (state) {
    case HealthState::kHealthy:
      return "healthy";
    case HealthState::kUnknown:
      return "unknown";
    case HealthState::kDegraded:
      return "degraded";
    case HealthState::kDown:
      return "down";
  }
  return "unknown";
}

SystemHealth system_health(const Observations& observations, const ConnectionPoolStats& stats) {
  SystemHealth result{.time = observations.wall_now, .state = HealthState::kHealthy};
  for (const PoolObservation& pool : observations.pools) {
    result.pools.push_back(pool_health(pool, find_stats(stats, pool), observations.now));
    result.state = worse(result.state, as_part(result.pools.back().state));
    for (const PodObservation& pod : pool.pods) {
      if (pod.is_terminating) continue;
      result.pgbouncers.push_back({.namespace_name = pool.namespace_name,
                                   .pool = pool.name,
                                   .pod = pod.name,
                                   .version = pod.version,
                                   .state = pod_state(pod, observations.now),
                                   .response_ms = pod.response_ms,
                                   .problem = pod.problem});
    }
    if (!pool.redis) continue;
    result.redis.push_back(redis_health(pool));
    result.state = worse(result.state, result.redis.back().state);
  }
  for (const ServerObservation& server : observations.servers) {
    result.databases.push_back(server_health(server));
    result.state = worse(result.state, as_part(result.databases.back().state));
  }
  sort_parts(result);
  return result;
}

}  // namespace poolwright::health

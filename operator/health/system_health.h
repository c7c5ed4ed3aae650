// One answer to "is everything all right?", with the parts that it is made of.
// Thread rule: pure functions over plain values.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "health/statistics.h"

namespace poolwright::health {

/// Ordered from good to bad; the whole is as bad as its worst part, where Unknown counts as Degraded.
enum class HealthState { kHealthy, kUnknown, kDegraded, kDown };
std::string_view to_string(HealthState state);

/// A PgBouncer that is this young may still be starting.
inline constexpr Duration kStartGrace{60000};

struct ServerHealth {
  std::string id;
  std::string version;
  HealthState state = HealthState::kUnknown;
  std::optional<double> response_ms;
  std::string problem;
};

struct PgbouncerHealth {
  std::string namespace_name;
  std::string pool;
  std::string pod;
  std::string version;
  HealthState state = HealthState::kUnknown;
  std::optional<double> response_ms;
  std::string problem;
};

struct RedisHealth {
  std::string namespace_name;
  std::string pool;
  bool is_available = false;
  bool is_connected = false;
  HealthState state = HealthState::kUnknown;  // never worse than Degraded
  std::optional<double> response_ms;
  std::string status;
};

struct PoolHealth {
  std::string namespace_name;
  std::string pool;
  HealthState state = HealthState::kUnknown;
  bool is_overloaded = false;
};

struct SystemHealth {
  WallTime time{};
  HealthState state = HealthState::kUnknown;
  std::vector<PoolHealth> pools;
  std::vector<ServerHealth> databases;
  std::vector<PgbouncerHealth> pgbouncers;
  std::vector<RedisHealth> redis;  // only pools that name one
};

SystemHealth system_health(const Observations& observations, const ConnectionPoolStats& stats);

}  // namespace poolwright::health

#include "health/report_text.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace poolwright::health {
namespace {

using Json = nlohmann::json;

std::string number(double value, int decimals) {
  char text[64];
  static_cast<void>(std::snprintf(text, sizeof text, "%.*f", decimals, value));
  return text;
}

std::string percent(const std::optional<double>& value) { return value ? number(*value, 1) + " %" : "unknown"; }
std::string milliseconds(const std::optional<double>& value) { return value ? number(*value, 1) + " ms" : "unknown"; }
std::string yes_no(bool value) { return value ? "yes" : "no"; }

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

/// "  name     value"
std::string row(std::string_view name, const std::string& value) {
  constexpr std::size_t kWidth = 16;
  std::string line = "  " + std::string(name);
  line.resize(std::max(line.size() + 1, kWidth + 2), ' ');
  return line + value + "\n";
}

const PoolHealth* find_pool(const Report& report, const PoolStatistics& pool) {
  for (const PoolHealth& one : report.health.pools) {
    if (one.namespace_name == pool.namespace_name && one.pool == pool.name) return &one;
  }
  return nullptr;
}

const RedisHealth* find_redis(const Report& report, const PoolStatistics& pool) {
  for (const RedisHealth& one : report.health.redis) {
    if (one.namespace_name == pool.namespace_name && one.pool == pool.name) return &one;
  }
  return nullptr;
}

/// The servers of the pool's databases, each once.
std::vector<const ServerHealth*> servers_of(const Report& report, const PoolStatistics& pool) {
  std::vector<const ServerHealth*> servers;
  for (const ServerHealth& server : report.health.databases) {
    const bool is_used = std::any_of(pool.databases.begin(), pool.databases.end(),
                                     [&server](const auto& database) { return database.server == server.id; });
    if (is_used) servers.push_back(&server);
  }
  return servers;
}

std::string pool_state(const Report& report, const PoolStatistics& pool) {
  const PoolHealth* health = find_pool(report, pool);
  return std::string(to_string(health == nullptr ? HealthState::kUnknown : health->state));
}

std::string pgbouncer_text(const PoolStatistics& pool) {
  if (!pool.is_through_pgbouncer) return "no, direct connections";
  std::string text = "yes, " + std::to_string(pool.pods_up) + " of " + std::to_string(pool.pods) + " answer";
  if (!pool.versions.empty()) text += ", version " + joined(pool.versions);
  return text;
}

std::string connections_text(const ConnectionCounts& counts) {
  return "active " + std::to_string(counts.active) + " | idle " + std::to_string(counts.idle) + " | total " +
         std::to_string(counts.total) + " | max " + std::to_string(counts.max) + " | utilization " +
         percent(counts.utilization_percent) + " | waiting " + std::to_string(counts.waiting);
}

Json connections_json(const ConnectionCounts& counts) {
  Json json = {{"active", counts.active},
               {"idle", counts.idle},
               {"total", counts.total},
               {"max", counts.max},
               {"utilization_percent", nullptr},
               {"waiting", counts.waiting},
               {"longest_wait_s", counts.longest_wait_s}};
  if (counts.utilization_percent) json["utilization_percent"] = *counts.utilization_percent;
  return json;
}

std::string seconds(std::int64_t value) { return value > 0 ? std::to_string(value) + " s" : "default"; }
std::string limit(std::int64_t value) { return value > 0 ? std::to_string(value) : "unknown"; }

}  // namespace

std::string metrics_block(const Report& report, const PoolStatistics& pool) {
  std::string text =
      "Connection pool " + pool.namespace_name + "/" + pool.name + " at " + format_rfc3339(report.stats.time) + "\n";
  text += row("health", pool_state(report, pool));
  for (const ServerHealth* server : servers_of(report, pool)) {
    std::string state = server->id + " " + std::string(to_string(server->state));
    state += server->problem.empty() ? ", response time " + milliseconds(server->response_ms) : ": " + server->problem;
    text += row("database", state);
  }
  text += row("connections", connections_text(pool.connections));
  if (pool.databases.size() > 1) {
    for (const DatabaseStatistics& database : pool.databases) {
      text += row("  " + database.name, connections_text(database.connections));
    }
  }
  text += row("PgBouncer", pgbouncer_text(pool));
  const RedisHealth* redis = find_redis(report, pool);
  if (redis != nullptr) {
    text += row("Redis", "available " + yes_no(redis->is_available) + " | connected " + yes_no(redis->is_connected) +
                             " | status " + redis->status);
  }
  return text;
}

Json metrics_block_json(const Report& report, const PoolStatistics& pool) {
  Json databases = Json::array();
  for (const DatabaseStatistics& database : pool.databases) {
    databases.push_back({{"name", database.name}, {"connections", connections_json(database.connections)}});
  }
  Json servers = Json::array();
  for (const ServerHealth* server : servers_of(report, pool)) {
    Json entry = {{"server", server->id}, {"health", to_string(server->state)}, {"response_time_ms", nullptr}};
    if (server->response_ms) entry["response_time_ms"] = std::round(*server->response_ms * 1000) / 1000;
    if (!server->problem.empty()) entry["problem"] = server->problem;
    servers.push_back(std::move(entry));
  }
  Json block = {{"timestamp", format_rfc3339(report.stats.time)},
                {"namespace", pool.namespace_name},
                {"pool", pool.name},
                {"health", pool_state(report, pool)},
                {"database", std::move(servers)},
                {"connections", connections_json(pool.connections)},
                {"databases", std::move(databases)},
                {"pgbouncer",
                 {{"used", pool.is_through_pgbouncer},
                  {"pods", pool.pods},
                  {"pods_up", pool.pods_up},
                  {"versions", pool.versions}}}};
  const RedisHealth* redis = find_redis(report, pool);
  if (redis != nullptr) {
    block["redis"] = {
        {"available", redis->is_available}, {"connected", redis->is_connected}, {"status", redis->status}};
  }
  return block;
}

std::string start_block(const PoolObservation& pool) {
  std::string text = "Connection pool " + pool.namespace_name + "/" + pool.name + ": configuration detected\n";
  text += row("connections", pool.is_through_pgbouncer
                                 ? "through PgBouncer at " + pool.endpoint + ", pool mode " + pool.pool_mode
                                 : "direct to " + pool.endpoint);
  if (pool.is_through_pgbouncer) text += row("clients", "at most " + limit(pool.max_client_connections) + " per pod");
  for (const DatabaseObservation& database : pool.databases) {
    text +=
        row("database", database.name + " on " + database.server + ": size " + std::to_string(database.size) +
                            " (min " + std::to_string(database.size_min) + ", max " +
                            std::to_string(database.size_max) + ", reserve " + std::to_string(database.reserve) + ")");
    text += row("  application", "connection limit " + limit(database.connection_limit) +
                                     " per instance, pool timeout " + seconds(database.pool_timeout_s) +
                                     ", connect timeout " + seconds(database.connect_timeout_s));
  }
  text += row("alerts", "warning from " + number(pool.thresholds.warning_percent, 0) + " %, critical from " +
                            number(pool.thresholds.critical_percent, 0) + " %");
  text += row("Redis", pool.redis ? "configured" : "not configured");
  return text;
}

Json start_block_json(const PoolObservation& pool) {
  Json databases = Json::array();
  for (const DatabaseObservation& database : pool.databases) {
    databases.push_back({{"name", database.name},
                         {"server", database.server},
                         {"size", database.size},
                         {"size_min", database.size_min},
                         {"size_max", database.size_max},
                         {"reserve", database.reserve},
                         {"connection_limit", database.connection_limit},
                         {"pool_timeout_s", database.pool_timeout_s},
                         {"connect_timeout_s", database.connect_timeout_s}});
  }
  return {{"namespace", pool.namespace_name},
          {"pool", pool.name},
          {"through_pgbouncer", pool.is_through_pgbouncer},
          {"endpoint", pool.endpoint},
          {"pool_mode", pool.pool_mode},
          {"max_client_connections", pool.max_client_connections},
          {"databases", std::move(databases)},
          {"warning_percent", pool.thresholds.warning_percent},
          {"critical_percent", pool.thresholds.critical_percent},
          {"redis_configured", pool.redis.has_value()}};
}

}  // namespace poolwright::health

#include "health/report_json.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace poolwright::health {
namespace {

using Json = nlohmann::json;

Json optional_number(const std::optional<double>& value, double per_unit) {
  // Divided by a whole number, so that 0.1 is written as 0.1.
  return value ? Json(std::round(*value * per_unit) / per_unit) : Json(nullptr);
}

Json optional_text(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

template <typename T>
Json optional_whole(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

bool lets_through(const Filter& filter, const std::string& namespace_name, const std::string& pool) {
  return (filter.namespace_name.empty() || filter.namespace_name == namespace_name) &&
         (filter.pool.empty() || filter.pool == pool);
}

bool lets_through(const Filter& filter, const DatabaseKey& key) {
  return lets_through(filter, key.namespace_name, key.pool) &&
         (filter.database.empty() || filter.database == key.database);
}

Json connections_json(const ConnectionCounts& counts) {
  return {{"active", counts.active},
          {"idle", counts.idle},
          {"total", counts.total},
          {"max", counts.max},
          {"reserve", counts.reserve},
          {"busy", optional_number(counts.busy, 100)},
          {"utilizationPercent", optional_number(counts.utilization_percent, 10)},
          {"activeClients", counts.active_clients},
          {"waitingClients", counts.waiting},
          {"longestWaitSeconds", optional_number(counts.longest_wait_s, 1000)}};
}

Json pod_json(const PodStatistics& pod) {
  return {{"name", pod.name},
          {"pgbouncerVersion", optional_text(pod.version)},
          {"up", pod.is_up},
          {"paused", pod.is_paused},
          {"problem", optional_text(pod.problem)},
          {"connections", connections_json(pod.connections)}};
}

Json database_json(const DatabaseStatistics& database) {
  Json pods = Json::array();
  for (const PodStatistics& pod : database.pods) pods.push_back(pod_json(pod));
  return {{"name", database.name},
          {"server", database.server},
          {"size", database.size},
          {"sizeMin", database.size_min},
          {"sizeMax", database.size_max},
          {"recommendedSize", optional_whole(database.recommended_size)},
          {"sizeReason", optional_text(database.size_reason)},
          {"leakedSessions", database.leaked_sessions},
          {"connections", connections_json(database.connections)},
          {"pods", std::move(pods)}};
}

Json pool_entry(const PoolStatistics& pool) {
  Json databases = Json::array();
  for (const DatabaseStatistics& database : pool.databases) databases.push_back(database_json(database));
  return {{"namespace", pool.namespace_name},
          {"name", pool.name},
          {"endpoint", optional_text(pool.endpoint)},
          {"poolMode", pool.pool_mode},
          {"throughPgbouncer", pool.is_through_pgbouncer},
          {"pgbouncerVersions", pool.versions},
          {"pods", pool.pods},
          {"podsUp", pool.pods_up},
          {"overloaded", is_connection_pool_overloaded(pool)},
          {"warningPercent", pool.thresholds.warning_percent},
          {"criticalPercent", pool.thresholds.critical_percent},
          {"connections", connections_json(pool.connections)},
          {"databases", std::move(databases)}};
}

Json alert_json(const Alert& alert) {
  return {{"alert", to_string(alert.subject.kind)},
          {"severity", to_string(alert.severity)},
          {"namespace", optional_text(alert.subject.namespace_name)},
          {"pool", optional_text(alert.subject.pool)},
          {"database", optional_text(alert.subject.database)},
          {"pod", optional_text(alert.subject.pod)},
          {"server", optional_text(alert.subject.server)},
          {"since", format_rfc3339(alert.since)},
          {"value", optional_number(alert.value, 100)},
          {"limit", optional_number(alert.limit, 100)},
          {"message", alert.message},
          {"runbook", "docs/runbooks/" + std::string(to_string(alert.subject.kind)) + ".md"}};
}

/// Whether one of the filter's pools has a share of the server.
bool concerns(const ServerObservation& server, const Filter& filter) {
  if (filter.namespace_name.empty() && filter.pool.empty()) return true;
  return std::any_of(server.shares.begin(), server.shares.end(), [&filter](const BudgetShare& share) {
    return lets_through(filter, share.namespace_name, share.pool);
  });
}

const ServerObservation* find_server(const Report& report, const std::string& id) {
  for (const ServerObservation& server : report.observed.servers) {
    if (server.id == id) return &server;
  }
  return nullptr;
}

/// An alert about a server concerns every pool that has a share of it.
bool concerns(const Report& report, const Alert& alert, const Filter& filter) {
  if (filter.severity && *filter.severity != alert.severity) return false;
  if (alert.subject.server.empty()) return lets_through(filter, alert.subject.namespace_name, alert.subject.pool);
  const ServerObservation* server = find_server(report, alert.subject.server);
  return server != nullptr && concerns(*server, filter);
}

Json budget_json(const ServerObservation& server) {
  std::int64_t committed = 0;
  std::int64_t held = 0;
  Json shares = Json::array();
  for (const BudgetShare& share : server.shares) {
    committed += share.committed;
    held += share.held;
    shares.push_back({{"namespace", share.namespace_name},
                      {"pool", share.pool},
                      {"database", share.database},
                      {"committed", share.committed},
                      {"held", share.held}});
  }
  return {{"server", server.id},
          {"version", optional_text(server.version)},
          {"reachable", server.is_reachable},
          {"saturated", server.is_saturated},
          {"maxConnections", optional_whole(server.max_connections)},
          {"connections", optional_whole(server.connections)},
          {"budget", server.budget},
          {"committed", committed},
          {"held", held},
          {"shares", std::move(shares)}};
}

}  // namespace

Json health_json(const Report& report, const Filter& filter) {
  const SystemHealth& health = report.health;
  Json pools = Json::array();
  for (const PoolHealth& pool : health.pools) {
    if (!lets_through(filter, pool.namespace_name, pool.pool)) continue;
    pools.push_back({{"namespace", pool.namespace_name},
                     {"pool", pool.pool},
                     {"status", to_string(pool.state)},
                     {"overloaded", pool.is_overloaded}});
  }
  Json databases = Json::array();
  for (const ServerHealth& server : health.databases) {
    const ServerObservation* seen = find_server(report, server.id);
    if (seen != nullptr && !concerns(*seen, filter)) continue;
    databases.push_back({{"server", server.id},
                         {"version", optional_text(server.version)},
                         {"status", to_string(server.state)},
                         {"responseTimeMs", optional_number(server.response_ms, 1000)},
                         {"problem", optional_text(server.problem)}});
  }
  Json pgbouncers = Json::array();
  for (const PgbouncerHealth& pod : health.pgbouncers) {
    if (!lets_through(filter, pod.namespace_name, pod.pool)) continue;
    pgbouncers.push_back({{"namespace", pod.namespace_name},
                          {"pool", pod.pool},
                          {"pod", pod.pod},
                          {"version", optional_text(pod.version)},
                          {"status", to_string(pod.state)},
                          {"responseTimeMs", optional_number(pod.response_ms, 1000)},
                          {"problem", optional_text(pod.problem)}});
  }
  Json redis = Json::array();
  for (const RedisHealth& one : health.redis) {
    if (!lets_through(filter, one.namespace_name, one.pool)) continue;
    redis.push_back({{"namespace", one.namespace_name},
                     {"pool", one.pool},
                     {"available", one.is_available},
                     {"connected", one.is_connected},
                     {"status", one.status},
                     {"responseTimeMs", optional_number(one.response_ms, 1000)}});
  }
  return {
      {"timestamp", format_rfc3339(health.time)}, {"status", to_string(health.state)},   {"pools", std::move(pools)},
      {"databases", std::move(databases)},        {"pgbouncers", std::move(pgbouncers)}, {"redis", std::move(redis)}};
}

Json pool_json(const Report& report, const Filter& filter) {
  Json pools = Json::array();
  for (const PoolStatistics& pool : report.stats.pools) {
    if (lets_through(filter, pool.namespace_name, pool.name)) pools.push_back(pool_entry(pool));
  }
  return {{"timestamp", format_rfc3339(report.stats.time)}, {"pools", std::move(pools)}};
}

Json alerts_json(const Report& report, const Filter& filter) {
  Json alerts = Json::array();
  for (const Alert& alert : report.alerts) {
    if (concerns(report, alert, filter)) alerts.push_back(alert_json(alert));
  }
  return {{"timestamp", format_rfc3339(report.stats.time)}, {"alerts", std::move(alerts)}};
}

Json budgets_json(const Report& report, const Filter& filter) {
  Json servers = Json::array();
  for (const ServerObservation& server : report.observed.servers) {
    if (concerns(server, filter)) servers.push_back(budget_json(server));
  }
  std::sort(servers.begin(), servers.end(), [](const Json& a, const Json& b) { return a["server"] < b["server"]; });
  return {{"timestamp", format_rfc3339(report.stats.time)}, {"servers", std::move(servers)}};
}

Json decisions_json(const Report& report, const Filter& filter) {
  Json decisions = Json::array();
  for (const Decision& decision : report.decisions) {
    if (!lets_through(filter, {decision.namespace_name, decision.pool, decision.database})) continue;
    decisions.push_back({{"time", format_rfc3339(decision.time)},
                         {"namespace", decision.namespace_name},
                         {"pool", decision.pool},
                         {"database", decision.database},
                         {"sizeBefore", decision.size_before},
                         {"size", decision.size},
                         {"reason", decision.reason},
                         {"text", decision.text}});
  }
  return {{"timestamp", format_rfc3339(report.stats.time)}, {"decisions", std::move(decisions)}};
}

Json history_json(const Report& report, const Filter& filter) {
  Json series = Json::array();
  for (const auto& [key, history] : report.history) {
    if (!lets_through(filter, key)) continue;
    Json times = Json::array();
    Json utilization = Json::array();
    Json sizes = Json::array();
    Json waiting = Json::array();
    for (const HistoryPoint& point : *history) {
      times.push_back(point.unix_s);
      utilization.push_back(optional_number(point.utilization_percent, 10));
      sizes.push_back(point.size);
      waiting.push_back(point.waiting_max);
    }
    series.push_back({{"namespace", key.namespace_name},
                      {"pool", key.pool},
                      {"database", key.database},
                      {"time", std::move(times)},
                      {"utilizationPercent", std::move(utilization)},
                      {"size", std::move(sizes)},
                      {"waitingClientsMax", std::move(waiting)}});
  }
  const auto step_s = std::chrono::duration_cast<std::chrono::seconds>(kHistoryStep).count();
  return {{"timestamp", format_rfc3339(report.stats.time)}, {"stepSeconds", step_s}, {"series", std::move(series)}};
}

}  // namespace poolwright::health

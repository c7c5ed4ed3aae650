#include "integration/serve/synthetic_load.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace poolwright::serve {
namespace {

using health::DatabaseObservation;
using health::Observations;
using health::PodObservation;
using health::PoolObservation;

constexpr int kPods = 2;
constexpr int kPoolsPerServer = 10;
constexpr const char* kNamespaces[] = {"shop", "billing", "search", "mail", "reports"};
constexpr const char* kNames[] = {"orders", "catalog", "ledger", "users", "sessions", "events", "stock"};
constexpr double kPi = 3.14159265358979;

struct PoolName {
  std::string namespace_name;
  std::string name;
};

PoolName name_of(int pool) {
  const int round = pool / static_cast<int>(std::size(kNames));
  return {.namespace_name = kNamespaces[pool % static_cast<int>(std::size(kNamespaces))],
          .name = std::string(kNames[pool % static_cast<int>(std::size(kNames))]) +
                  (round == 0 ? "" : "-" + std::to_string(round))};
}

/// 0-1.1: above 1 clients wait.
double load_of(int pool, std::int64_t unix_s) {
  const double period = 300 + 97.0 * (pool % 13);
  const double wave = std::sin(2 * kPi * (static_cast<double>(unix_s % 86400) / period + 0.13 * pool));
  const double base = pool % 11 == 3 ? 0.85 : 0.2 + 0.06 * (pool % 8);
  const double noise = 0.03 * std::sin(static_cast<double>(unix_s) * (1.7 + 0.01 * pool));
  return std::clamp(base + 0.22 * wave + noise, 0.0, 1.1);
}

std::int64_t size_of(int pool, std::int64_t unix_s) {
  const double load = load_of(pool, unix_s - unix_s % 120);
  return std::clamp<std::int64_t>(static_cast<std::int64_t>(load * 40) + 6, 6, 40);
}

PodObservation pod_of(int pool, int pod, std::int64_t unix_s, MonotonicTime now) {
  const PoolName name = name_of(pool);
  const std::int64_t size = size_of(pool, unix_s) / kPods;
  const double wanted = load_of(pool, unix_s) * static_cast<double>(size);
  const auto active = std::min<std::int64_t>(static_cast<std::int64_t>(std::lround(wanted)), size);
  PodObservation seen{.name = name.name + "-pool-" + std::to_string(pod),
                      .observed_at = now,
                      .response_ms = 0.4 + 0.1 * pod,
                      .version = pool % 9 == 4 ? "1.24.1" : "1.26.1",
                      .config_hash = "5d41402a"};
  if (pool % 9 == 4) seen.vulnerabilities = {"CVE-2026-107350", "CVE-2026-19888"};
  if (pool == 7 && pod == 1) seen.problem = "connect to 10.0.3.17:6432: connection refused";
  seen.pools.push_back({.database = name.name,
                        .user = name.name + "_app",
                        .cl_active = active * 4,
                        .cl_waiting = wanted > static_cast<double>(size) ? 3 : 0,
                        .sv_active = active,
                        .sv_idle = size - active,
                        .maxwait_s = wanted > static_cast<double>(size) ? 0.4 : 0});
  seen.databases.push_back({.name = name.name,
                            .host = "db-" + std::to_string(pool / kPoolsPerServer) + ".example",
                            .port = 5432,
                            .database = name.name,
                            .force_user = name.name + "_app",
                            .pool_mode = "transaction",
                            .pool_size = size,
                            .reserve_pool_size = 2,
                            .max_connections = 50,
                            .current_connections = size});
  const std::int64_t seconds = unix_s % 1000000;
  seen.stats.push_back({.database = name.name,
                        .server_assignment_count = seconds * 40,
                        .xact_count = seconds / 100,
                        .query_count = seconds * 120,
                        .bytes_received = seconds * 9000,
                        .bytes_sent = seconds * 30000,
                        .xact_time_us = 0,
                        .query_time_us = 0,
                        .wait_time_us = 0});
  seen.lists = {{"databases", 2}, {"users", 3}, {"pools", 2}, {"used_clients", active * 4}, {"used_servers", size}};
  seen.max_client_conn = 110;
  return seen;
}

DatabaseObservation database_of(int pool, std::int64_t unix_s) {
  const std::int64_t size = size_of(pool, unix_s);
  DatabaseObservation database{.name = name_of(pool).name,
                               .server = "db-" + std::to_string(pool / kPoolsPerServer) + ".example:5432",
                               .size = size,
                               .size_min = 6,
                               .size_max = 40,
                               .reserve = 4,
                               .recommended_size = size,
                               .size_reason = "The demand of the last seconds needs " + std::to_string(size) + ".",
                               .connection_limit = 5,
                               .pool_timeout_s = 20,
                               .connect_timeout_s = 10};
  if (pool == 5) database.leak = {.sessions = 2, .oldest_s = 95, .application_name = "batch"};
  return database;
}

void add_decision(Observations& all, int pool, std::int64_t unix_s) {
  const PoolName name = name_of(pool);
  const std::int64_t before = size_of(pool, unix_s - 120);
  const std::int64_t size = size_of(pool, unix_s);
  if (unix_s % 120 != 0 || before == size) return;
  all.decisions.push_back({.time = all.wall_now,
                           .namespace_name = name.namespace_name,
                           .pool = name.name,
                           .database = name.name,
                           .size_before = before,
                           .size = size,
                           .reason = size > before ? "Demand" : "Memory",
                           .text = size > before ? "More clients are busy than the target utilization leaves room for."
                                                 : "Less was needed for the whole of the last 120 s."});
}

}  // namespace

Observations synthetic_observations(int pools, std::int64_t unix_s, MonotonicTime now) {
  Observations all{.now = now, .wall_now = WallTime{std::chrono::seconds{unix_s}}};
  for (int index = 0; index < pools; ++index) {
    const PoolName name = name_of(index);
    PoolObservation pool{.namespace_name = name.namespace_name,
                         .name = name.name,
                         .pool_mode = "transaction",
                         .endpoint = name.name + "-pool." + name.namespace_name + ".svc:6432",
                         .max_client_connections = 100,
                         .wanted_config_hash = "5d41402a"};
    pool.databases.push_back(database_of(index, unix_s));
    for (int pod = 0; pod < kPods; ++pod) pool.pods.push_back(pod_of(index, pod, unix_s, now));
    if (index % 4 == 0) {
      pool.redis = health::RedisObservation{
          .is_available = true, .is_connected = true, .status = "PONG in 0.4 ms, Redis 7.0.15", .response_ms = 0.4};
    }
    add_decision(all, index, unix_s);
    all.pools.push_back(std::move(pool));
  }
  for (int first = 0; first < pools; first += kPoolsPerServer) {
    const int number = first / kPoolsPerServer;
    health::ServerObservation server{.id = "db-" + std::to_string(number) + ".example:5432",
                                     .version = "16.3",
                                     .is_reachable = true,
                                     .response_ms = 0.8 + 0.1 * number,
                                     .max_connections = 500,
                                     .connections = 140,
                                     .budget = 400};
    for (int index = first; index < std::min(first + kPoolsPerServer, pools); ++index) {
      const PoolName name = name_of(index);
      const std::int64_t size = size_of(index, unix_s);
      server.shares.push_back({.namespace_name = name.namespace_name,
                               .pool = name.name,
                               .database = name.name,
                               .committed = size + 4,
                               .held = size});
    }
    all.servers.push_back(std::move(server));
  }
  return all;
}

}  // namespace poolwright::serve

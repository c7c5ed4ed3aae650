// Our own families; metrics_text puts all groups together.
#include "serve/metrics.h"

#include <cmath>
#include <functional>

namespace poolwright::serve {
namespace {

using health::DatabaseStatistics;
using health::PoolStatistics;
using health::Report;

double as_number(std::int64_t value) { return static_cast<double>(value); }

using DatabaseValue = std::function<std::optional<double>(const DatabaseStatistics&)>;

struct DatabaseFamily {
  const char* name;
  const char* help;
  DatabaseValue value;
};

const std::vector<DatabaseFamily>& database_families() {
  static const std::vector<DatabaseFamily> kFamilies = {
      {"poolwright_pool_utilization_ratio",
       "Busy connections of those that may be opened without the reserve, over all PgBouncers that answer, 0-1.",
       [](const DatabaseStatistics& d) -> std::optional<double> {
         if (!d.connections.utilization_percent) return std::nullopt;
         return std::round(*d.connections.utilization_percent * 10) / 1000;
       }},
      {"poolwright_pool_busy_connections", "Server connections that were busy, mean over the last seconds.",
       [](const DatabaseStatistics& d) { return d.connections.busy; }},
      {"poolwright_pool_max_connections", "Server connections that may be opened, without the reserve.",
       [](const DatabaseStatistics& d) { return std::optional(as_number(d.connections.max)); }},
      {"poolwright_pool_reserve_connections", "Server connections that may be opened on top when clients wait.",
       [](const DatabaseStatistics& d) { return std::optional(as_number(d.connections.reserve)); }},
      {"poolwright_pool_open_connections", "Server connections that are open.",
       [](const DatabaseStatistics& d) { return std::optional(as_number(d.connections.total)); }},
      {"poolwright_pool_waiting_clients", "Clients that wait for a server connection.",
       [](const DatabaseStatistics& d) { return std::optional(as_number(d.connections.waiting)); }},
      {"poolwright_pool_longest_wait_seconds", "The longest wait of the clients that wait now.",
       [](const DatabaseStatistics& d) { return std::optional(d.connections.longest_wait_s); }},
      {"poolwright_pool_size", "The pool's size, sum over its PgBouncers.",
       [](const DatabaseStatistics& d) { return std::optional(as_number(d.size)); }},
      {"poolwright_pool_size_min", "The least size by the resource.",
       [](const DatabaseStatistics& d) { return std::optional(as_number(d.size_min)); }},
      {"poolwright_pool_size_max", "The largest size by the resource.",
       [](const DatabaseStatistics& d) { return std::optional(as_number(d.size_max)); }},
      {"poolwright_pool_recommended_size", "The size that the demand asks for.",
       [](const DatabaseStatistics& d) -> std::optional<double> {
         if (!d.recommended_size) return std::nullopt;
         return as_number(*d.recommended_size);
       }},
      {"poolwright_pool_leaked_sessions", "Sessions that sit idle in a transaction for too long.",
       [](const DatabaseStatistics& d) { return std::optional(as_number(d.leaked_sessions)); }},
  };
  return kFamilies;
}

void write_databases(PrometheusText& text, const Report& report) {
  for (const DatabaseFamily& family : database_families()) {
    text.family(family.name, MetricType::kGauge, family.help);
    for (const PoolStatistics& pool : report.stats.pools) {
      for (const DatabaseStatistics& database : pool.databases) {
        const std::optional<double> value = family.value(database);
        if (!value) continue;
        text.sample({{"namespace", pool.namespace_name}, {"pool", pool.name}, {"database", database.name}}, *value);
      }
    }
  }
}

void write_pools(PrometheusText& text, const Report& report) {
  text.family("poolwright_pool_overloaded", MetricType::kGauge,
              "1: clients of the pool are, or are about to be, held up.");
  for (const PoolStatistics& pool : report.stats.pools) {
    text.sample({{"namespace", pool.namespace_name}, {"pool", pool.name}},
                health::is_connection_pool_overloaded(pool) ? 1 : 0);
  }
  text.family("poolwright_pool_warning_ratio", MetricType::kGauge, "Utilization from which a warning is given.");
  for (const PoolStatistics& pool : report.stats.pools) {
    text.sample({{"namespace", pool.namespace_name}, {"pool", pool.name}}, pool.thresholds.warning_percent / 100);
  }
  text.family("poolwright_pool_critical_ratio", MetricType::kGauge, "Utilization from which it is critical.");
  for (const PoolStatistics& pool : report.stats.pools) {
    text.sample({{"namespace", pool.namespace_name}, {"pool", pool.name}}, pool.thresholds.critical_percent / 100);
  }
}

/// What an operator of the pools must know of one PgBouncer.
struct PodFamily {
  const char* name;
  const char* help;
  std::function<bool(const health::PoolObservation&, const health::PodObservation&)> holds;
};

const std::vector<PodFamily>& pod_families() {
  using health::PodObservation;
  using health::PoolObservation;
  static const std::vector<PodFamily> kFamilies = {
      {"poolwright_pgbouncer_up", "1: the PgBouncer answered the newest poll.",
       [](const PoolObservation&, const PodObservation& pod) { return pod.observed_at && pod.problem.empty(); }},
      {"poolwright_pgbouncer_config_applied", "1: it was read back to run the wanted configuration.",
       [](const PoolObservation& pool, const PodObservation& pod) {
         return !pod.config_hash.empty() && pod.config_hash == pool.wanted_config_hash;
       }},
      {"poolwright_pgbouncer_reload_failed", "1: the newest RELOAD failed.",
       [](const PoolObservation&, const PodObservation& pod) { return !pod.reload_error.empty(); }},
      {"poolwright_pgbouncer_vulnerable", "1: its version has published weaknesses.",
       [](const PoolObservation&, const PodObservation& pod) { return !pod.vulnerabilities.empty(); }},
  };
  return kFamilies;
}

void write_pods(PrometheusText& text, const Report& report) {
  for (const PodFamily& family : pod_families()) {
    text.family(family.name, MetricType::kGauge, family.help);
    for (const health::PoolObservation& pool : report.observed.pools) {
      for (const health::PodObservation& pod : pool.pods) {
        if (pod.is_terminating || pod.is_at_gate) continue;
        text.sample({{"namespace", pool.namespace_name}, {"pool", pool.name}, {"pod", pod.name}},
                    family.holds(pool, pod) ? 1 : 0);
      }
    }
  }
}

using ServerValue = std::function<std::optional<double>(const health::ServerObservation&)>;

double committed(const health::ServerObservation& server) {
  std::int64_t sum = 0;
  for (const health::BudgetShare& share : server.shares) sum += share.committed;
  return as_number(sum);
}

void write_servers(PrometheusText& text, const Report& report) {
  const auto family = [&](const char* name, const char* help, const ServerValue& value) {
    text.family(name, MetricType::kGauge, help);
    for (const health::ServerObservation& server : report.observed.servers) {
      const std::optional<double> number = value(server);
      if (number) text.sample({{"server", server.id}}, *number);
    }
  };
  using health::ServerObservation;
  family("poolwright_postgres_up", "1: the PostgreSQL server answered.",
         [](const ServerObservation& s) { return s.is_reachable ? 1.0 : 0.0; });
  family("poolwright_postgres_response_seconds", "Time of the newest answer.",
         [](const ServerObservation& s) -> std::optional<double> {
           if (!s.is_reachable || !s.response_ms) return std::nullopt;
           return *s.response_ms / 1000;
         });
  family("poolwright_postgres_connections", "Connections on the server, whoever has them.",
         [](const ServerObservation& s) -> std::optional<double> {
           if (!s.connections) return std::nullopt;
           return as_number(*s.connections);
         });
  family("poolwright_postgres_saturated", "1: more connections would make the server do less work.",
         [](const ServerObservation& s) { return s.is_saturated ? 1.0 : 0.0; });
  family("poolwright_budget_connections", "Connections that all pools together may have on the server.",
         [](const ServerObservation& s) -> std::optional<double> {
           if (s.budget <= 0) return std::nullopt;
           return as_number(s.budget);
         });
  family("poolwright_budget_committed_connections", "Connections that the PgBouncers of all pools may open now.",
         committed);
  text.family("poolwright_budget_share_connections", MetricType::kGauge,
              "Connections of the budget that one database may take now.");
  for (const ServerObservation& server : report.observed.servers) {
    for (const health::BudgetShare& share : server.shares) {
      text.sample({{"server", server.id},
                   {"namespace", share.namespace_name},
                   {"pool", share.pool},
                   {"database", share.database}},
                  as_number(share.committed));
    }
  }
}

void write_redis(PrometheusText& text, const Report& report) {
  text.family("poolwright_redis_up", MetricType::kGauge,
              "1: the application's Redis answered; only where one is named.");
  for (const health::RedisHealth& redis : report.health.redis) {
    text.sample({{"namespace", redis.namespace_name}, {"pool", redis.pool}}, redis.is_connected ? 1 : 0);
  }
}

void write_alerts(PrometheusText& text, const Report& report) {
  text.family("poolwright_alert", MetricType::kGauge, "1 for each alert that the operator itself has raised.");
  for (const health::Alert& alert : report.alerts) {
    text.sample({{"alert", to_string(alert.subject.kind)},
                 {"severity", to_string(alert.severity)},
                 {"namespace", alert.subject.namespace_name},
                 {"pool", alert.subject.pool},
                 {"database", alert.subject.database},
                 {"pod", alert.subject.pod},
                 {"server", alert.subject.server}},
                1);
  }
}

}  // namespace

void write_pool_metrics(PrometheusText& text, const health::Report& report) {
  write_databases(text, report);
  write_pools(text, report);
  write_pods(text, report);
  write_servers(text, report);
  write_redis(text, report);
  write_alerts(text, report);
}

std::string metrics_text(const Snapshot& snapshot) {
  PrometheusText text;
  if (snapshot.report) {
    write_pool_metrics(text, *snapshot.report);
    write_exporter_metrics(text, *snapshot.report);
  }
  write_operator_metrics(text, snapshot.counters);
  return text.take();
}

}  // namespace poolwright::serve

// The families of the PgBouncer exporter, so that dashboards and rules written for it work here. One program speaks for
// many PgBouncers, so every sample also has namespace, pool and pod, and pgbouncer_cluster as the mixin's dashboards
// select by. The per-database counters come twice: as pgbouncer_stats_totals_* (exporter 0.11 and newer) and as
// pgbouncer_stats_* (before, and what the mixin still asks for).
#include <functional>

#include "serve/metrics.h"

namespace poolwright::serve {
namespace {

using health::DatabaseRow;
using health::PodObservation;
using health::PoolObservation;
using health::PoolRow;
using health::StatsRow;

constexpr double kMicrosecondsPerSecond = 1e6;

double as_number(std::int64_t value) { return static_cast<double>(value); }
double as_seconds(std::int64_t microseconds) { return static_cast<double>(microseconds) / kMicrosecondsPerSecond; }

/// A PgBouncer that answers, with the labels that name it.
struct Pod {
  const PodObservation* seen;
  std::string cluster;
  Labels labels;
};

/// Bounded: what is beyond the limit is left out as a whole pod, so that sums of one pod are never partial.
struct Pods {
  std::vector<Pod> list;
  std::size_t left_out = 0;
};

Pods answering_pods(const health::Report& report) {
  Pods pods;
  std::size_t databases = 0;
  for (const PoolObservation& pool : report.observed.pools) {
    for (const PodObservation& pod : pool.pods) {
      if (!pod.observed_at || !pod.problem.empty()) continue;
      databases += pod.databases.size();
      if (databases > kPodDatabasesMax) {
        ++pods.left_out;
        continue;
      }
      pods.list.push_back({.seen = &pod,
                           .cluster = pool.namespace_name + "/" + pool.name,
                           .labels = {{"namespace", pool.namespace_name}, {"pool", pool.name}, {"pod", pod.name}}});
    }
  }
  for (Pod& pod : pods.list) pod.labels.emplace_back("pgbouncer_cluster", pod.cluster);
  return pods;
}

Labels with(const Pod& pod, std::initializer_list<Label> more) {
  Labels labels = pod.labels;
  labels.insert(labels.end(), more);
  return labels;
}

struct PoolFamily {
  const char* name;
  const char* help;
  std::function<double(const PoolRow&)> value;
};

const std::vector<PoolFamily>& pool_families() {
  static const std::vector<PoolFamily> kFamilies = {
      {"client_active_connections", "Clients that are linked to a server connection or idle.",
       [](const PoolRow& r) { return as_number(r.cl_active); }},
      {"client_active_cancel_connections", "Clients that have sent a cancel request on to the server.",
       [](const PoolRow& r) { return as_number(r.cl_active_cancel_req); }},
      {"client_waiting_connections", "Clients that wait for a server connection.",
       [](const PoolRow& r) { return as_number(r.cl_waiting); }},
      {"client_waiting_cancel_connections", "Clients whose cancel request waits.",
       [](const PoolRow& r) { return as_number(r.cl_waiting_cancel_req); }},
      {"server_active_connections", "Server connections that are linked to a client.",
       [](const PoolRow& r) { return as_number(r.sv_active); }},
      {"server_active_cancel_connections", "Server connections that forward a cancel request.",
       [](const PoolRow& r) { return as_number(r.sv_active_cancel); }},
      {"server_being_canceled_connections", "Server connections that wait for a cancel request in flight.",
       [](const PoolRow& r) { return as_number(r.sv_being_canceled); }},
      {"server_idle_connections", "Server connections that are free at once.",
       [](const PoolRow& r) { return as_number(r.sv_idle); }},
      {"server_used_connections", "Server connections that are free after a check.",
       [](const PoolRow& r) { return as_number(r.sv_used); }},
      {"server_testing_connections", "Server connections that run a reset or check query.",
       [](const PoolRow& r) { return as_number(r.sv_tested); }},
      {"server_login_connections", "Server connections that are logging in.",
       [](const PoolRow& r) { return as_number(r.sv_login); }},
      {"client_maxwait_seconds", "Age of the oldest waiting client.", [](const PoolRow& r) { return r.maxwait_s; }},
  };
  return kFamilies;
}

struct StatsFamily {
  const char* name;
  const char* help;
  std::function<double(const StatsRow&)> value;
};

const std::vector<StatsFamily>& stats_families() {
  static const std::vector<StatsFamily> kFamilies = {
      {"queries_pooled_total", "SQL commands.", [](const StatsRow& r) { return as_number(r.query_count); }},
      {"queries_duration_seconds_total", "Time in queries, waiting included.",
       [](const StatsRow& r) { return as_seconds(r.query_time_us); }},
      {"received_bytes_total", "Bytes from clients.", [](const StatsRow& r) { return as_number(r.bytes_received); }},
      {"queries_total", "SQL commands.", [](const StatsRow& r) { return as_number(r.query_count); }},
      {"sent_bytes_total", "Bytes to clients.", [](const StatsRow& r) { return as_number(r.bytes_sent); }},
      {"client_wait_seconds_total", "Time that clients waited for a server connection.",
       [](const StatsRow& r) { return as_seconds(r.wait_time_us); }},
      {"sql_transactions_pooled_total", "SQL transactions.", [](const StatsRow& r) { return as_number(r.xact_count); }},
      {"server_in_transaction_seconds_total", "Time in transactions, waiting included.",
       [](const StatsRow& r) { return as_seconds(r.xact_time_us); }},
      {"client_parses_total", "Prepared statements that clients made.",
       [](const StatsRow& r) { return as_number(r.client_parse_count); }},
      {"server_parses_total", "Prepared statements made on servers.",
       [](const StatsRow& r) { return as_number(r.server_parse_count); }},
      {"binds_total", "Prepared statements that were bound.",
       [](const StatsRow& r) { return as_number(r.bind_count); }},
      {"server_assignments_total", "Times that a server connection was given to a client.",
       [](const StatsRow& r) { return as_number(r.server_assignment_count); }},
  };
  return kFamilies;
}

struct DatabaseFamily {
  const char* name;
  const char* help;
  std::function<double(const DatabaseRow&)> value;
};

const std::vector<DatabaseFamily>& database_families() {
  static const std::vector<DatabaseFamily> kFamilies = {
      {"pool_size", "Server connections that may be opened.",
       [](const DatabaseRow& r) { return as_number(r.pool_size); }},
      {"reserve_pool", "Server connections that may be opened on top.",
       [](const DatabaseRow& r) { return as_number(r.reserve_pool_size); }},
      {"max_connections", "Cap of server connections of the database; 0: none.",
       [](const DatabaseRow& r) { return as_number(r.max_connections); }},
      {"current_connections", "Server connections of the database.",
       [](const DatabaseRow& r) { return as_number(r.current_connections); }},
      {"paused", "1: the database is paused.", [](const DatabaseRow& r) { return r.paused ? 1.0 : 0.0; }},
      {"disabled", "1: the database is disabled.", [](const DatabaseRow& r) { return r.disabled ? 1.0 : 0.0; }},
  };
  return kFamilies;
}

/// SHOW LISTS, as far as the exporter has it.
struct ListFamily {
  const char* name;
  const char* help;
};
constexpr ListFamily kListFamilies[] = {
    {"databases", "Databases."},
    {"users", "Users."},
    {"pools", "Pools."},
    {"free_clients", "Free client slots."},
    {"used_clients", "Used clients."},
    {"login_clients", "Clients that are logging in."},
    {"free_servers", "Free servers."},
    {"used_servers", "Used servers."},
    {"dns_names", "DNS names cached."},
    {"dns_zones", "DNS zones cached."},
    {"dns_queries", "DNS queries in flight."},
};

std::string list_metric(std::string_view list) {
  if (list == "dns_names") return "pgbouncer_cached_dns_names";
  if (list == "dns_zones") return "pgbouncer_cached_dns_zones";
  if (list == "dns_queries") return "pgbouncer_in_flight_dns_queries";
  return "pgbouncer_" + std::string(list);
}

void write_stats(PrometheusText& text, const Pods& pods, const char* prefix) {
  for (const StatsFamily& family : stats_families()) {
    text.family(std::string(prefix) + family.name, MetricType::kCounter, family.help);
    for (const Pod& pod : pods.list) {
      for (const StatsRow& row : pod.seen->stats)
        text.sample(with(pod, {{"database", row.database}}), family.value(row));
    }
  }
}

void write_databases(PrometheusText& text, const Pods& pods) {
  for (const DatabaseFamily& family : database_families()) {
    text.family(std::string("pgbouncer_databases_") + family.name, MetricType::kGauge, family.help);
    for (const Pod& pod : pods.list) {
      for (const DatabaseRow& row : pod.seen->databases) {
        const std::string port = std::to_string(row.port);
        text.sample(with(pod, {{"name", row.name},
                               {"host", row.host},
                               {"port", port},
                               {"database", row.database},
                               {"force_user", row.force_user},
                               {"pool_mode", row.pool_mode}}),
                    family.value(row));
      }
    }
  }
}

void write_pods(PrometheusText& text, const health::Report& report, const Pods& pods) {
  text.family("pgbouncer_up", MetricType::kGauge, "1: the PgBouncer answered the newest poll.");
  for (const PoolObservation& pool : report.observed.pools) {
    const std::string cluster = pool.namespace_name + "/" + pool.name;
    for (const PodObservation& pod : pool.pods) {
      text.sample(
          {{"namespace", pool.namespace_name}, {"pool", pool.name}, {"pod", pod.name}, {"pgbouncer_cluster", cluster}},
          pod.observed_at && pod.problem.empty() ? 1 : 0);
    }
  }
  text.family("pgbouncer_version_info", MetricType::kGauge, "Always 1; the label tells the version.");
  for (const Pod& pod : pods.list) text.sample(with(pod, {{"version", pod.seen->version}}), 1);
  text.family("pgbouncer_config_max_client_connections", MetricType::kGauge, "Clients that may connect.");
  for (const Pod& pod : pods.list) text.sample(pod.labels, as_number(pod.seen->max_client_conn));
  text.family("pgbouncer_config_max_user_connections", MetricType::kGauge,
              "Server connections of one user; 0: no limit.");
  for (const Pod& pod : pods.list) text.sample(pod.labels, as_number(pod.seen->max_user_connections));
  for (const ListFamily& family : kListFamilies) {
    text.family(list_metric(family.name), MetricType::kGauge, family.help);
    for (const Pod& pod : pods.list) {
      const auto found = pod.seen->lists.find(family.name);
      if (found != pod.seen->lists.end()) text.sample(pod.labels, as_number(found->second));
    }
  }
}

}  // namespace

void write_exporter_metrics(PrometheusText& text, const health::Report& report) {
  const Pods pods = answering_pods(report);
  write_pods(text, report, pods);
  for (const PoolFamily& family : pool_families()) {
    text.family(std::string("pgbouncer_pools_") + family.name, MetricType::kGauge, family.help);
    for (const Pod& pod : pods.list) {
      for (const PoolRow& row : pod.seen->pools) {
        text.sample(with(pod, {{"database", row.database}, {"user", row.user}}), family.value(row));
      }
    }
  }
  write_databases(text, pods);
  write_stats(text, pods, "pgbouncer_stats_totals_");
  write_stats(text, pods, "pgbouncer_stats_");
  text.family("poolwright_metrics_left_out", MetricType::kGauge,
              "PgBouncers that are left out of the pgbouncer_ families because there are too many.");
  text.sample({}, static_cast<double>(pods.left_out));
}

}  // namespace poolwright::serve

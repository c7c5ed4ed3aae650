#include "run/health_view.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <utility>

#include "api/enum_words.h"
#include "pgbouncer/rows.h"
#include "render/names.h"
#include "render/render.h"
#include "render/version.h"

namespace poolwright::run {

namespace {

using api::Json;

/// A console shows the config by this and the first digits of its hash (render::Rendered::marker).
constexpr std::string_view kMarkerPrefix = "poolwright-";
constexpr std::size_t kMarkerDigits = 16;

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), [](unsigned char c) { return std::tolower(c); });
  return result;
}

std::string hash_of_marker(const std::string& marker) {
  return marker.starts_with(kMarkerPrefix) ? marker.substr(kMarkerPrefix.size()) : marker;
}

double milliseconds(std::chrono::microseconds time) { return static_cast<double>(time.count()) * 1e-3; }

health::PoolRow row_of(const pgbouncer::PoolRow& row) {
  return {.database = row.database,
          .user = row.user,
          .cl_active = row.cl_active,
          .cl_waiting = row.cl_waiting,
          .cl_active_cancel_req = row.cl_active_cancel_req,
          .cl_waiting_cancel_req = row.cl_waiting_cancel_req,
          .sv_active = row.sv_active,
          .sv_active_cancel = row.sv_active_cancel,
          .sv_being_canceled = row.sv_being_canceled,
          .sv_idle = row.sv_idle,
          .sv_used = row.sv_used,
          .sv_tested = row.sv_tested,
          .sv_login = row.sv_login,
          .maxwait_s = static_cast<double>(row.maxwait_us) * 1e-6};
}

health::DatabaseRow row_of(const pgbouncer::DatabaseRow& row) {
  return {.name = row.name,
          .host = row.host,
          .port = row.port,
          .database = row.database,
          .force_user = row.force_user,
          .pool_mode = row.pool_mode,
          .pool_size = row.pool_size,
          .reserve_pool_size = row.reserve_pool_size,
          .max_connections = row.max_connections,
          .current_connections = row.current_connections,
          .paused = row.is_paused,
          .disabled = row.is_disabled};
}

health::StatsRow row_of(const pgbouncer::StatsRow& row) {
  return {.database = row.database,
          .server_assignment_count = row.total_server_assignment_count,
          .xact_count = row.total_xact_count,
          .query_count = row.total_query_count,
          .bytes_received = row.total_received_bytes,
          .bytes_sent = row.total_sent_bytes,
          .xact_time_us = row.total_xact_time_us,
          .query_time_us = row.total_query_time_us,
          .wait_time_us = row.total_wait_time_us,
          .client_parse_count = row.total_client_parse_count,
          .server_parse_count = row.total_server_parse_count,
          .bind_count = row.total_bind_count};
}

template <typename Rows>
auto rows_of(const Rows& rows) {
  std::vector<decltype(row_of(rows.front()))> result;
  result.reserve(rows.size());
  std::transform(rows.begin(), rows.end(), std::back_inserter(result), [](const auto& row) { return row_of(row); });
  return result;
}

health::PodObservation pod_of(const PodView& pod) {
  health::PodObservation view{.name = pod.name,
                              .is_terminating = pod.is_terminating,
                              .is_at_gate = pod.is_at_gate,
                              .first_seen = pod.first_seen};
  view.reload_error = pod.refusal;
  if (!pod.seen) return view;
  const pgbouncer::PodObservation& seen = *pod.seen;
  view.observed_at = seen.observed_at;
  if (seen.error) view.problem = seen.error->message;
  if (!seen.error && seen.observed_at) view.response_ms = milliseconds(seen.round_trip);
  view.version = pgbouncer::version_text(seen.version);
  view.config_hash = hash_of_marker(seen.seldom->marker);
  if (const auto version = render::parse_version(view.version)) {
    for (const render::Vulnerability& known : render::known_vulnerabilities(*version)) {
      view.vulnerabilities.emplace_back(known.id);
    }
  }
  view.pools = rows_of(seen.pools);
  view.databases = rows_of(seen.databases);
  view.stats = rows_of(seen.stats);
  view.lists = seen.seldom->lists;
  view.max_client_conn = seen.seldom->max_client_conn;
  view.max_user_connections = seen.seldom->max_user_connections;
  return view;
}

/// What the status says about one database; an empty object where it says nothing.
Json status_of(const Json& status, const std::string& database) {
  if (!status.is_object() || !status.contains("databases") || !status.at("databases").is_array()) return Json::object();
  for (const Json& entry : status.at("databases")) {
    if (entry.is_object() && entry.value("name", "") == database) return entry;
  }
  return Json::object();
}

/// Users by whom PgBouncers log in to the database.
std::vector<std::string> users_of(const PoolView& pool, const std::string& database) {
  std::vector<std::string> users;
  for (const PodView& pod : pool.pods) {
    if (!pod.seen) continue;
    for (const pgbouncer::DatabaseRow& row : pod.seen->databases) {
      if (row.name == database && !row.force_user.empty()) users.push_back(row.force_user);
    }
  }
  return users;
}

health::LeakObservation leak_of(const PoolView& pool, const api::Database& database,
                                const postgres::ServerObservation& server) {
  const std::vector<std::string> users = users_of(pool, database.name);
  const std::int32_t limit_s = pool.pool->spec.sizing.leaks.suspect_after_seconds;
  health::LeakObservation leak;
  std::map<std::string, std::int64_t> by_application;
  for (const postgres::IdleInTransaction& session : server.idle_in_transaction) {
    if (session.idle_seconds < limit_s || session.database != api::server_database(database)) continue;
    if (std::find(users.begin(), users.end(), session.user) == users.end()) continue;
    ++leak.sessions;
    leak.oldest_s = std::max(leak.oldest_s, session.idle_seconds);
    ++by_application[session.application_name];
  }
  const auto most = std::max_element(by_application.begin(), by_application.end(),
                                     [](const auto& a, const auto& b) { return a.second < b.second; });
  if (most != by_application.end()) leak.application_name = most->first;
  return leak;
}

health::DatabaseObservation database_of(const PoolView& pool, const api::Database& database,
                                        const ServerViews& servers) {
  const Json status = status_of(pool.status, database.name);
  health::DatabaseObservation view{.name = database.name, .server = server_name(*pool.pool)};
  const auto size = pool.sizes.find(database.name);
  view.size = size == pool.sizes.end() ? api::initial_size(database.pool_size) : size->second;
  view.size_min = database.pool_size.min;
  view.size_max = database.pool_size.max;
  view.reserve = database.reserve_pool_size;
  if (status.contains("recommendedSize")) view.recommended_size = status.value("recommendedSize", std::int64_t{0});
  view.size_reason = status.value("sizeReason", "");
  view.connection_limit = status.value("connectionLimit", std::int64_t{0});
  view.pool_timeout_s = database.application.pool_timeout_seconds;
  view.connect_timeout_s = database.application.connect_timeout_seconds;
  if (const auto server = servers.find(view.server); server != servers.end()) {
    view.leak = leak_of(pool, database, *server->second);
  }
  return view;
}

health::RedisObservation redis_view(const PoolView& pool) {
  health::RedisObservation view;
  if (!pool.redis) {
    view.problem = pool.redis_problem;
    view.status = view.problem.empty() ? "not asked yet" : view.problem;
    return view;
  }
  const redis::ProbeOutcome& outcome = *pool.redis;
  view.is_available = outcome.is_available;
  view.is_connected = outcome.is_connected;
  view.problem = outcome.problem;
  view.response_ms = outcome.response_ms;
  if (!outcome.is_connected) {
    view.status = outcome.problem;
    return view;
  }
  const auto tenths = std::int64_t{std::llround(outcome.response_ms.value_or(0) * 10)};
  view.status = "PONG in " + std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " ms";
  if (!outcome.version.empty()) view.status += ", Redis " + outcome.version;
  return view;
}

/// "15.8" for 150008.
std::string server_version(int version) {
  constexpr int kMajor = 10'000;
  return version <= 0 ? std::string() : std::to_string(version / kMajor) + "." + std::to_string(version % kMajor);
}

/// Whether the server answered, though it would not let us in.
bool is_answer(const Error& error) {
  return error.kind == ErrorKind::kUnauthorized || error.kind == ErrorKind::kForbidden;
}

void add_facts(health::ServerObservation& view, const postgres::ServerObservation& seen) {
  view.is_reachable = seen.error ? is_answer(*seen.error) : seen.is_connected;
  if (seen.error) view.problem = seen.error->message;
  if (!seen.observed_at) return;
  view.version = server_version(seen.facts.version);
  if (!seen.error) view.response_ms = milliseconds(seen.response_time);
  view.max_connections = seen.facts.max_connections;
  std::int64_t connections = 1;  // our own observer
  for (const postgres::SessionGroup& group : seen.sessions) connections += group.count;
  view.connections = connections;
}

/// What a database's PgBouncers may open, and have open.
health::BudgetShare share_of(const PoolView& pool, const api::Database& database) {
  health::BudgetShare share{
      .namespace_name = pool.pool->namespace_name, .pool = pool.pool->name, .database = database.name};
  for (const PodView& pod : pool.pods) {
    if (!pod.seen) continue;
    for (const pgbouncer::DatabaseRow& row : pod.seen->databases) {
      if (row.name != database.name) continue;
      const std::int64_t pools = row.pool_size + row.reserve_pool_size;
      share.committed += row.max_connections > 0 ? std::min(pools, row.max_connections) : pools;
      share.held += row.current_connections;
    }
  }
  return share;
}

/// The smallest that a pool gives, else what the server has; less the largest reserve.
std::int64_t budget_of(const std::vector<const PoolView*>& pools, const postgres::ServerObservation* seen) {
  std::optional<std::int64_t> most;
  std::int64_t reserved = 0;
  for (const PoolView* pool : pools) {
    const api::ConnectionBudget& budget = pool->pool->spec.postgres.connection_budget;
    reserved = std::max<std::int64_t>(reserved, budget.reserved);
    if (budget.max) most = std::min<std::int64_t>(most.value_or(*budget.max), *budget.max);
  }
  if (!most && seen != nullptr && seen->observed_at) most = seen->facts.usable_connections();
  return most ? std::max<std::int64_t>(0, *most - reserved) : 0;
}

}  // namespace

health::PoolObservation view_of(const PoolView& pool, const ServerViews& servers) {
  const api::ConnectionPoolSpec& spec = pool.pool->spec;
  health::PoolObservation view{.namespace_name = pool.pool->namespace_name, .name = pool.pool->name};
  view.thresholds = {.warning_percent = static_cast<double>(spec.monitoring.warning_percent),
                     .critical_percent = static_cast<double>(spec.monitoring.critical_percent)};
  view.interval = std::chrono::seconds{spec.monitoring.interval_seconds};
  view.pool_mode = lower(api::word_of(spec.pgbouncer.pool_mode));
  view.endpoint = pool.status.is_object() ? pool.status.value("endpoint", "") : std::string();
  if (view.endpoint.empty()) {
    view.endpoint = render::service_host(view.name, view.namespace_name) + ":" + std::to_string(render::kPoolerPort);
  }
  view.max_client_connections = spec.pgbouncer.max_client_connections;
  view.wanted_config_hash = pool.config_hash.substr(0, kMarkerDigits);
  for (const api::Database& database : spec.databases) view.databases.push_back(database_of(pool, database, servers));
  for (const PodView& pod : pool.pods) view.pods.push_back(pod_of(pod));
  if (spec.monitoring.redis_secret_ref) view.redis = redis_view(pool);
  return view;
}

std::vector<health::ServerObservation> servers_of(const std::vector<PoolView>& pools, const ServerViews& servers) {
  std::map<std::string, std::vector<const PoolView*>> by_server;
  for (const PoolView& pool : pools) by_server[server_name(*pool.pool)].push_back(&pool);
  std::vector<health::ServerObservation> views;
  for (const auto& [id, users] : by_server) {
    health::ServerObservation view{.id = id};
    const auto seen = servers.find(id);
    if (seen != servers.end()) add_facts(view, *seen->second);
    view.budget = budget_of(users, seen == servers.end() ? nullptr : seen->second.get());
    for (const PoolView* pool : users) {
      for (const api::Database& database : pool->pool->spec.databases) view.shares.push_back(share_of(*pool, database));
    }
    views.push_back(std::move(view));
  }
  return views;
}

}  // namespace poolwright::run

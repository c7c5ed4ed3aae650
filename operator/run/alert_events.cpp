#include "run/alert_events.h"

#include <algorithm>
#include <set>
#include <utility>

#include "run/pool_watch.h"

namespace poolwright::run {

namespace {

using health::AlertKind;

/// Kinds that are told as events, and the reason that says that they are over. Utilization and waiting change too often
/// for events; sizing tells of budgets, saturation and leaks by conditions.
const char* recovery_of(AlertKind kind) {
  switch (kind) {
    case AlertKind::kPostgresDown:
      return "PostgresRecovered";
    case AlertKind::kPgbouncerDown:
      return "PgbouncerRecovered";
    case AlertKind::kRedisDown:
      return "RedisRecovered";
    case AlertKind::kPgbouncerVulnerable:
      return "PgbouncerUpdated";
    case AlertKind::kPoolPaused:
      return "PoolResumed";
    default:
      return nullptr;
  }
}

const char* recovery_message(AlertKind kind) {
  switch (kind) {
    case AlertKind::kPostgresDown:
      return "PostgreSQL answers again";
    case AlertKind::kPgbouncerDown:
      return "every PgBouncer answers again";
    case AlertKind::kRedisDown:
      return "Redis answers again";
    case AlertKind::kPgbouncerVulnerable:
      return "no PgBouncer of the pool has a version with known vulnerabilities any more";
    default:
      return "no database of the pool is paused any more";
  }
}

bool uses_server(const health::PoolStatistics& pool, const std::string& server) {
  return std::any_of(pool.databases.begin(), pool.databases.end(),
                     [&](const health::DatabaseStatistics& database) { return database.server == server; });
}

/// Pools that the alert is about.
std::vector<std::string> pools_of(const health::Alert& alert, const health::Report& report) {
  if (!alert.subject.pool.empty()) return {pool_id(alert.subject.namespace_name, alert.subject.pool)};
  std::vector<std::string> ids;
  for (const health::PoolStatistics& pool : report.stats.pools) {
    if (uses_server(pool, alert.subject.server)) ids.push_back(pool_id(pool.namespace_name, pool.name));
  }
  return ids;
}

std::string message_of(const std::vector<const health::Alert*>& alerts) {
  std::string message = alerts.front()->message;
  if (!alerts.front()->subject.pod.empty()) message = alerts.front()->subject.pod + ": " + message;
  if (alerts.size() > 1) message += " The same for " + std::to_string(alerts.size() - 1) + " more.";
  return message;
}

}  // namespace

std::vector<api::EventNote> AlertEvents::update(const health::Report& report, const KnownPools& pools) {
  std::map<Subject, std::vector<const health::Alert*>> now;
  for (const health::Alert& alert : report.alerts) {
    if (recovery_of(alert.subject.kind) == nullptr) continue;
    for (const std::string& id : pools_of(alert, report)) now[{id, alert.subject.kind}].push_back(&alert);
  }
  std::vector<api::EventNote> notes;
  const auto note = [&](const std::string& id, bool is_warning, std::string reason, std::string message) {
    const auto pool = pools.find(id);
    if (pool == pools.end()) return;
    notes.push_back({.regarding = *pool->second.object,
                     .warning = is_warning,
                     .reason = std::move(reason),
                     .message = std::move(message)});
  };
  for (const auto& [subject, alerts] : now) {
    if (raised_.contains(subject)) continue;
    std::string message = message_of(alerts);
    note(subject.first, true, std::string(to_string(subject.second)), message);
    raised_.emplace(subject, std::move(message));
  }
  std::erase_if(raised_, [&](const auto& entry) {
    if (now.contains(entry.first)) return false;
    note(entry.first.first, false, recovery_of(entry.first.second), recovery_message(entry.first.second));
    return true;
  });
  return notes;
}

}  // namespace poolwright::run

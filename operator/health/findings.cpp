// What is the matter now, subject by subject. How long it must be the matter is AlertBook's business.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "health/alerts.h"

namespace poolwright::health {
namespace {

std::string number(double value) {
  char text[32];
  static_cast<void>(std::snprintf(text, sizeof text, value == std::floor(value) ? "%.0f" : "%.1f", value));
  return text;
}

/// A value with two limits, each of which is gone a margin lower.
void compare(Finding& finding, double value, double warning, double critical) {
  const auto reached = [value](double low, double high) -> std::optional<Severity> {
    if (value >= high) return Severity::kCritical;
    if (value >= low) return Severity::kWarning;
    return std::nullopt;
  };
  finding.value = value;
  finding.limit = value >= critical ? critical : warning;
  finding.raise = reached(warning, critical);
  finding.keep = reached(warning - kClearMarginPoints, critical - kClearMarginPoints);
}

void set(Finding& finding, bool holds, Severity severity) {
  if (!holds) return;
  finding.raise = severity;
  finding.keep = severity;
}

class Finder {
 public:
  Finder(const Observations& observations, const ConnectionPoolStats& stats)
      : observations_(observations), stats_(stats) {}

  std::vector<Finding> find() && {
    for (const PoolStatistics& pool : stats_.pools) {
      for (const DatabaseStatistics& database : pool.databases) {
        utilization(pool, database);
        waiting(pool, database);
        leak(pool, database);
        paused(pool, database);
      }
    }
    for (const PoolObservation& pool : observations_.pools) {
      for (const PodObservation& pod : pool.pods) look_at(pool, pod);
      if (pool.redis) redis(pool);
    }
    for (const ServerObservation& server : observations_.servers) look_at(server);
    return std::move(found_);
  }

 private:
  Finding& begin(AlertSubject subject) { return found_.emplace_back(Finding{.subject = std::move(subject)}); }

  static AlertSubject subject(AlertKind kind, const PoolStatistics& pool, const DatabaseStatistics& database) {
    return {.kind = kind, .namespace_name = pool.namespace_name, .pool = pool.name, .database = database.name};
  }
  static AlertSubject subject(AlertKind kind, const PoolObservation& pool, const std::string& pod) {
    return {.kind = kind, .namespace_name = pool.namespace_name, .pool = pool.name, .pod = pod};
  }

  void utilization(const PoolStatistics& pool, const DatabaseStatistics& database) {
    Finding& finding = begin(subject(AlertKind::kPoolUtilizationHigh, pool, database));
    const ConnectionCounts& counts = database.connections;
    finding.is_known = counts.utilization_percent.has_value();
    if (!finding.is_known) return;
    compare(finding, *counts.utilization_percent, pool.thresholds.warning_percent, pool.thresholds.critical_percent);
    finding.message = number(std::round(counts.busy.value_or(0) * 10) / 10) + " of " + std::to_string(counts.max) +
                      " connections are busy (" + number(*counts.utilization_percent) + " %), " +
                      std::to_string(counts.waiting) + " clients wait.";
  }

  void waiting(const PoolStatistics& pool, const DatabaseStatistics& database) {
    Finding& finding = begin(subject(AlertKind::kPoolClientsWaiting, pool, database));
    finding.is_known =
        std::any_of(database.pods.begin(), database.pods.end(), [](const auto& pod) { return pod.is_up; });
    const ConnectionCounts& counts = database.connections;
    finding.value = counts.longest_wait_s;
    finding.limit = kWaitWarningSeconds;
    if (counts.longest_wait_s >= kWaitWarningSeconds) finding.raise = Severity::kWarning;
    if (counts.longest_wait_s >= kWaitWarningSeconds / 2) finding.keep = Severity::kWarning;
    finding.message = std::to_string(counts.waiting) + " clients wait for a connection, the longest for " +
                      number(std::round(counts.longest_wait_s * 10) / 10) + " s.";
  }

  void leak(const PoolStatistics& pool, const DatabaseStatistics& database) {
    Finding& finding = begin(subject(AlertKind::kConnectionLeakSuspected, pool, database));
    const auto leaked = static_cast<double>(database.leaked_sessions);
    finding.value = leaked;
    set(finding, leaked > 0, Severity::kWarning);
    finding.message = std::to_string(database.leaked_sessions) +
                      " sessions sit idle in a transaction: the application seems to forget to end them.";
  }

  void paused(const PoolStatistics& pool, const DatabaseStatistics& database) {
    Finding& finding = begin(subject(AlertKind::kPoolPaused, pool, database));
    const auto count = std::count_if(database.pods.begin(), database.pods.end(),
                                     [](const PodStatistics& pod) { return pod.is_paused; });
    set(finding, count > 0, Severity::kWarning);
    finding.message = std::to_string(count) + " PgBouncers are paused: their clients wait until RESUME.";
  }

  void look_at(const PoolObservation& pool, const PodObservation& pod) {
    if (pod.is_terminating || pod.is_at_gate) return;
    const bool is_up = pod.observed_at && pod.problem.empty();
    Finding& down = begin(subject(AlertKind::kPgbouncerDown, pool, pod.name));
    const bool may_be_starting = !pod.observed_at && observations_.now - pod.first_seen < kStartGrace;
    set(down, !is_up && !may_be_starting, Severity::kCritical);
    down.message = "PgBouncer does not answer: " + (pod.problem.empty() ? "it was never reached" : pod.problem) + ".";

    Finding& reload = begin(subject(AlertKind::kReloadFailed, pool, pod.name));
    set(reload, !pod.reload_error.empty(), Severity::kWarning);
    reload.message = "RELOAD failed: " + pod.reload_error + ".";

    Finding& config = begin(subject(AlertKind::kConfigNotApplied, pool, pod.name));
    config.is_known = is_up && !pod.config_hash.empty() && !pool.wanted_config_hash.empty();
    set(config, config.is_known && pod.config_hash != pool.wanted_config_hash, Severity::kWarning);
    config.message = "It runs configuration " + pod.config_hash + ", wanted is " + pool.wanted_config_hash + ".";

    Finding& vulnerable = begin(subject(AlertKind::kPgbouncerVulnerable, pool, pod.name));
    set(vulnerable, !pod.vulnerabilities.empty(), Severity::kWarning);
    vulnerable.message = "PgBouncer " + pod.version + " may be affected by ";
    for (const std::string& id : pod.vulnerabilities) {
      vulnerable.message += (id == pod.vulnerabilities.front() ? "" : ", ") + id;
    }
    vulnerable.message += "; distributions fix some of these in older versions.";
  }

  void redis(const PoolObservation& pool) {
    Finding& finding = begin(subject(AlertKind::kRedisDown, pool, ""));
    finding.is_known = pool.redis->is_connected || !pool.redis->problem.empty();
    set(finding, finding.is_known && !pool.redis->is_connected, Severity::kWarning);
    finding.message = "Redis does not answer: " + pool.redis->problem + ".";
  }

  void look_at(const ServerObservation& server) {
    Finding& down = begin({.kind = AlertKind::kPostgresDown, .server = server.id});
    down.is_known = server.is_reachable || !server.problem.empty();
    set(down, down.is_known && !server.is_reachable, Severity::kCritical);
    down.message = "PostgreSQL does not answer: " + server.problem + ".";

    Finding& saturated = begin({.kind = AlertKind::kDatabaseSaturated, .server = server.id});
    set(saturated, server.is_saturated, Severity::kWarning);
    saturated.message = "More connections would make the server do less work: pools on it are not grown.";

    Finding& budget = begin({.kind = AlertKind::kBudgetNearlyUsed, .server = server.id});
    budget.is_known = server.budget > 0;
    if (!budget.is_known) return;
    std::int64_t committed = 0;
    for (const BudgetShare& share : server.shares) committed += share.committed;
    const double percent = std::round(1000 * static_cast<double>(committed) / static_cast<double>(server.budget)) / 10;
    compare(budget, percent, kBudgetWarningPercent, kBudgetCriticalPercent);
    budget.message = "Pools may open " + std::to_string(committed) + " of the " + std::to_string(server.budget) +
                     " connections that they may have together (" + number(percent) + " %).";
  }

  const Observations& observations_;
  const ConnectionPoolStats& stats_;
  std::vector<Finding> found_;
};

}  // namespace

std::vector<Finding> findings(const Observations& observations, const ConnectionPoolStats& stats) {
  return Finder(observations, stats).find();
}

}  // namespace poolwright::health

#include "health/alerts.h"

#include <algorithm>
#include <cctype>

namespace poolwright::health {
namespace {

using std::chrono::seconds;

bool at_least(const std::optional<Severity>& severity, Severity level) { return severity && *severity >= level; }

}  // namespace

std::string_view to_string(AlertKind kind) {
  switch (kind) {
    case AlertKind::kPoolUtilizationHigh:
      return "PoolUtilizationHigh";
    case AlertKind::kPoolClientsWaiting:
      return "PoolClientsWaiting";
    case AlertKind::kPostgresDown:
      return "PostgresDown";
    case AlertKind::kPgbouncerDown:
      return "PgbouncerDown";
    case AlertKind::kRedisDown:
      return "RedisDown";
    case AlertKind::kConnectionLeakSuspected:
      return "ConnectionLeakSuspected";
    case AlertKind::kDatabaseSaturated:
      return "DatabaseSaturated";
    case AlertKind::kBudgetNearlyUsed:
      return "BudgetNearlyUsed";
    case AlertKind::kConfigNotApplied:
      return "ConfigNotApplied";
    case AlertKind::kReloadFailed:
      return "ReloadFailed";
    case AlertKind::kPoolPaused:
      return "PoolPaused";
    case AlertKind::kPgbouncerVulnerable:
      return "PgbouncerVulnerable";
  }
  return "";
}

std::string_view to_string(Severity severity) { return severity == Severity::kCritical ? "critical" : "warning"; }

std::optional<Severity> parse_severity(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (lower == "warning") return Severity::kWarning;
  if (lower == "critical") return Severity::kCritical;
  return std::nullopt;
}

HoldTimes hold_times(AlertKind kind) {
  switch (kind) {
    case AlertKind::kPoolUtilizationHigh:
      return {.warning = seconds(3), .critical = seconds(3), .clear = seconds(60)};
    case AlertKind::kBudgetNearlyUsed:
      return {.warning = seconds(30), .critical = seconds(10), .clear = seconds(60)};
    case AlertKind::kPoolClientsWaiting:  // the wait itself is the time that it must hold
      return {.clear = seconds(30)};
    case AlertKind::kPostgresDown:
    case AlertKind::kPgbouncerDown:
    case AlertKind::kRedisDown:
      return {.warning = seconds(5), .critical = seconds(5), .clear = seconds(5)};
    case AlertKind::kDatabaseSaturated:
      return {.warning = seconds(10), .clear = seconds(60)};
    case AlertKind::kConnectionLeakSuspected:  // the sessions' age is the time that it must hold
      return {.clear = seconds(30)};
    case AlertKind::kConfigNotApplied:
    case AlertKind::kPoolPaused:
      return {.warning = seconds(30)};
    case AlertKind::kReloadFailed:
    case AlertKind::kPgbouncerVulnerable:
      return {};
  }
  return {};
}

void AlertBook::update_level(Level& level, Reached reached, Duration hold, Duration clear) const {
  if (!level.is_raised) {
    if (!reached.raise) {
      level.since.reset();
      return;
    }
    if (!level.since) level.since = now_;
    if (now_ - *level.since < hold) return;
    level = {.is_raised = true, .raised_at = wall_now_};
    return;
  }
  if (reached.keep) {
    level.gone_since.reset();
    return;
  }
  if (!level.gone_since) level.gone_since = now_;
  if (now_ - *level.gone_since >= clear) level = {};
}

void AlertBook::update_entry(Entry& entry, const Finding& finding) {
  if (!finding.is_known) return;
  const HoldTimes times = hold_times(finding.subject.kind);
  const auto reached = [&finding](Severity level) {
    return Reached{.raise = at_least(finding.raise, level), .keep = at_least(finding.keep, level)};
  };
  update_level(entry.warning, reached(Severity::kWarning), times.warning, times.clear);
  update_level(entry.critical, reached(Severity::kCritical), times.critical, times.clear);
  const Level& level = entry.critical.is_raised ? entry.critical : entry.warning;
  if (!level.is_raised) {
    entry.alert.reset();
    return;
  }
  entry.alert = {.subject = finding.subject,
                 .severity = entry.critical.is_raised ? Severity::kCritical : Severity::kWarning,
                 .since = level.raised_at,
                 .value = finding.value,
                 .limit = finding.limit,
                 .message = finding.message};
}

std::vector<Alert> AlertBook::update(const std::vector<Finding>& findings, MonotonicTime now, WallTime wall_now) {
  now_ = now;
  wall_now_ = wall_now;
  ++round_;
  for (const Finding& finding : findings) {
    Entry& entry = entries_[finding.subject];
    entry.round = round_;
    update_entry(entry, finding);
  }
  std::erase_if(entries_, [this](const auto& entry) { return entry.second.round != round_; });
  std::vector<Alert> raised;
  for (const auto& [subject, entry] : entries_) {
    if (entry.alert) raised.push_back(*entry.alert);
  }
  std::stable_sort(raised.begin(), raised.end(),
                   [](const Alert& a, const Alert& b) { return a.severity > b.severity; });
  return raised;
}

std::vector<Alert> connection_pool_alerts(const Observations& observations, const ConnectionPoolStats& stats,
                                          AlertBook& book) {
  return book.update(findings(observations, stats), observations.now, observations.wall_now);
}

}  // namespace poolwright::health

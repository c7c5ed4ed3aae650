// Alerts: which conditions hold long enough to tell somebody, and until when. Conditions are found anew each time
// (findings, pure); the book adds the time: a condition must hold for a while before it is raised, and must be gone by
// a margin for a while before it is cleared, so that a value that swings around a limit does not ring again and again.
// Thread rule: AlertBook has one owner; everything else is plain values and pure functions.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "health/statistics.h"
#include "health/system_health.h"

namespace poolwright::health {

/// Each has a runbook page of its name and, where Prometheus can see it, a rule of its name.
enum class AlertKind {
  kPoolUtilizationHigh,  // busy connections of what may be opened
  kPoolClientsWaiting,   // the longest wait
  kPostgresDown,
  kPgbouncerDown,
  kRedisDown,                // only where a Redis is configured
  kConnectionLeakSuspected,  // sessions idle in a transaction
  kDatabaseSaturated,        // more connections would make the server slower
  kBudgetNearlyUsed,         // what all pools may open, of what the server can give
  kConfigNotApplied,         // a PgBouncer runs another configuration than the wanted one
  kReloadFailed,
  kPoolPaused,
  kPgbouncerVulnerable,
};
std::string_view to_string(AlertKind kind);
inline constexpr AlertKind kAlertKinds[] = {
    AlertKind::kPoolUtilizationHigh, AlertKind::kPoolClientsWaiting, AlertKind::kPostgresDown,
    AlertKind::kPgbouncerDown,       AlertKind::kRedisDown,          AlertKind::kConnectionLeakSuspected,
    AlertKind::kDatabaseSaturated,   AlertKind::kBudgetNearlyUsed,   AlertKind::kConfigNotApplied,
    AlertKind::kReloadFailed,        AlertKind::kPoolPaused,         AlertKind::kPgbouncerVulnerable};

enum class Severity { kWarning, kCritical };
std::string_view to_string(Severity severity);
/// "warning" or "critical", in any case.
std::optional<Severity> parse_severity(std::string_view text);

/// What an alert is about; empty members do not apply.
struct AlertSubject {
  AlertKind kind = AlertKind::kPoolUtilizationHigh;
  std::string namespace_name;
  std::string pool;
  std::string database;
  std::string pod;
  std::string server;
  friend auto operator<=>(const AlertSubject&, const AlertSubject&) = default;
};

/// How long a condition must hold before it is raised, and must be gone before it is cleared.
struct HoldTimes {
  Duration warning{0};
  Duration critical{0};
  Duration clear{0};
};
/// With a poll each second, utilization is raised about 8 s after the load's begin: the mean over 3 s, which itself
/// keeps short bursts out, is right 4 to 5 s after it, and must hold for 3 s. The rest to the 10 s that are promised is
/// for a machine that is busy. Cleared 5 points lower for 60 s.
HoldTimes hold_times(AlertKind kind);

/// Points below its limit at which a percentage counts as gone.
inline constexpr double kClearMarginPoints = 5;
/// Clients that wait this long are told about; gone below half of it.
inline constexpr double kWaitWarningSeconds = 5;
/// Shares of a server's budget that pools may open.
inline constexpr double kBudgetWarningPercent = 80;
inline constexpr double kBudgetCriticalPercent = 90;

/// What was found about one subject at one moment.
struct Finding {
  AlertSubject subject;
  bool is_known = true;           // false: nobody can tell now; the alert stays as it is
  std::optional<Severity> raise;  // the limit that is reached
  std::optional<Severity> keep;   // the limit that is reached, less the margin: keeps what was raised
  std::optional<double> value;    // for kinds with a limit
  std::optional<double> limit;    // that was reached; else the lowest
  std::string message;            // one sentence
};

struct Alert {
  AlertSubject subject;
  Severity severity = Severity::kWarning;
  WallTime since{};  // when the present severity was raised
  std::optional<double> value;
  std::optional<double> limit;
  std::string message;
};

/// One finding for each subject that there is, quiet ones included.
std::vector<Finding> findings(const Observations& observations, const ConnectionPoolStats& stats);

class AlertBook {
 public:
  /// What is raised now: critical first, then by subject. Subjects without a finding are forgotten.
  std::vector<Alert> update(const std::vector<Finding>& findings, MonotonicTime now, WallTime wall_now);

 private:
  struct Level {
    std::optional<MonotonicTime> since;       // the condition has held without a break since
    std::optional<MonotonicTime> gone_since;  // a raised one: it has been gone by the margin since
    bool is_raised = false;
    WallTime raised_at{};
  };
  struct Entry {
    Level warning;
    Level critical;
    std::optional<Alert> alert;
    std::uint64_t round = 0;
  };

  void update_entry(Entry& entry, const Finding& finding);
  /// Whether the level's limit is reached (raise), and whether it is reached less the margin (keep).
  struct Reached {
    bool raise = false;
    bool keep = false;
  };
  void update_level(Level& level, Reached reached, Duration hold, Duration clear) const;

  std::map<AlertSubject, Entry> entries_;
  std::uint64_t round_ = 0;
  MonotonicTime now_{};
  WallTime wall_now_{};
};

/// findings() through the book.
std::vector<Alert> connection_pool_alerts(const Observations& observations, const ConnectionPoolStats& stats,
                                          AlertBook& book);

}  // namespace poolwright::health

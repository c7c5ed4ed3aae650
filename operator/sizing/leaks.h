// Finds leaked transactions: sessions of a pool that have been idle in a transaction for too long. They hold a server,
// do no work and would otherwise look like demand. Pure functions.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace poolwright::sizing {

/// One session of a pool, as pg_stat_activity shows it.
struct Session {
  int pid = 0;
  std::string application_name;
  /// pg_stat_activity.state: "idle in transaction", "active", ...
  std::string state;
  /// now() - state_change.
  double state_age_s = 0;
  /// Changes whenever the session does anything: what is said of one mark is never true of another.
  std::string mark;
};

struct LeakPolicy {
  double age_s = 30.0;
  /// Sessions older than this may be ended; 0: never.
  double terminate_after_s = 0.0;
};

struct LeakReport {
  static constexpr std::size_t kListedMax = 10;

  int count = 0;
  double oldest_s = 0;
  /// The oldest first, at most kListedMax.
  std::vector<Session> oldest;
  /// To be ended, oldest first, at most kListedMax at a time.
  std::vector<Session> overdue;
};

LeakReport find_leaks(std::span<const Session> sessions, const LeakPolicy& policy);

/// "3 transactions idle for more than 30 s, oldest 121 s: pid 41 (orders-api), ..."; empty without leaks.
std::string describe(const LeakReport& report, const LeakPolicy& policy);

}  // namespace poolwright::sizing

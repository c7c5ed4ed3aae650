// The whole chain: observations of one moment -> an immutable report that REST, /metrics, the log and the page read.
// Thread rule: Monitor has one owner, who calls update each second; reports may be read from any thread.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "health/alerts.h"
#include "health/statistics.h"
#include "health/system_health.h"

namespace poolwright::health {

inline constexpr Duration kHistoryStep{10000};
inline constexpr std::size_t kHistoryPoints = 360;  // an hour
inline constexpr std::size_t kDecisionsKept = 200;

/// Means over one kHistoryStep; the size at its end.
struct HistoryPoint {
  std::int64_t unix_s = 0;
  std::optional<float> utilization_percent;
  std::int32_t size = 0;
  std::int32_t waiting_max = 0;
};
using History = std::vector<HistoryPoint>;  // oldest first, at most kHistoryPoints

struct DatabaseKey {
  std::string namespace_name;
  std::string pool;
  std::string database;
  friend auto operator<=>(const DatabaseKey&, const DatabaseKey&) = default;
};

struct Report {
  Observations observed;
  ConnectionPoolStats stats;
  SystemHealth health;
  std::vector<Alert> alerts;
  std::vector<Decision> decisions;  // newest first
  std::map<DatabaseKey, std::shared_ptr<const History>> history;
};

class Monitor {
 public:
  std::shared_ptr<const Report> update(Observations observations);

 private:
  struct Track {
    double utilization_sum = 0;
    int utilization_count = 0;
    std::int64_t waiting_max = 0;
    std::shared_ptr<const History> history = std::make_shared<const History>();
    bool is_seen = false;
  };

  void keep_history(const Report& report);
  static void end_step(Track& track, std::int64_t unix_s, std::int64_t size);
  void keep_decisions(const Observations& observations);

  BusyBook busy_;
  AlertBook alerts_;
  std::map<DatabaseKey, Track> tracks_;
  std::optional<MonotonicTime> step_end_;
  std::deque<Decision> decisions_;
};

}  // namespace poolwright::health

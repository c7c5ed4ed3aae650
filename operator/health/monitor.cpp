#include "health/monitor.h"

#include <algorithm>

namespace poolwright::health {
namespace {

std::int64_t unix_seconds(WallTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

std::shared_ptr<const History> appended(const History& history, const HistoryPoint& point) {
  auto longer = std::make_shared<History>();
  longer->reserve(kHistoryPoints);
  const std::size_t dropped = history.size() < kHistoryPoints ? 0 : history.size() - kHistoryPoints + 1;
  longer->assign(history.begin() + static_cast<std::ptrdiff_t>(dropped), history.end());
  longer->push_back(point);
  return longer;
}

}  // namespace

std::shared_ptr<const Report> Monitor::update(Observations observations) {
  auto report = std::make_shared<Report>();
  busy_.observe(observations);
  report->stats = connection_pool_stats(observations, busy_);
  report->health = system_health(observations, report->stats);
  report->alerts = connection_pool_alerts(observations, report->stats, alerts_);
  keep_decisions(observations);
  report->decisions.assign(decisions_.rbegin(), decisions_.rend());
  report->observed = std::move(observations);
  keep_history(*report);
  for (const auto& [key, track] : tracks_) report->history.emplace(key, track.history);
  return report;
}

void Monitor::keep_decisions(const Observations& observations) {
  decisions_.insert(decisions_.end(), observations.decisions.begin(), observations.decisions.end());
  while (decisions_.size() > kDecisionsKept) decisions_.pop_front();
}

void Monitor::keep_history(const Report& report) {
  const MonotonicTime now = report.observed.now;
  if (!step_end_) step_end_ = now + kHistoryStep;
  const bool is_step_over = now >= *step_end_;
  for (auto& [key, track] : tracks_) track.is_seen = false;
  for (const PoolStatistics& pool : report.stats.pools) {
    for (const DatabaseStatistics& database : pool.databases) {
      Track& track = tracks_[{pool.namespace_name, pool.name, database.name}];
      const ConnectionCounts& counts = database.connections;
      track.is_seen = true;
      track.waiting_max = std::max(track.waiting_max, counts.waiting);
      if (counts.utilization_percent) {
        track.utilization_sum += *counts.utilization_percent;
        ++track.utilization_count;
      }
      if (is_step_over) end_step(track, unix_seconds(report.observed.wall_now), database.size);
    }
  }
  std::erase_if(tracks_, [](const auto& entry) { return !entry.second.is_seen; });
  // From now on, not from the planned end: steps that nobody observed are not made up for.
  if (is_step_over) step_end_ = now + kHistoryStep;
}

void Monitor::end_step(Track& track, std::int64_t unix_s, std::int64_t size) {
  HistoryPoint point{.unix_s = unix_s,
                     .size = static_cast<std::int32_t>(size),
                     .waiting_max = static_cast<std::int32_t>(track.waiting_max)};
  if (track.utilization_count > 0) {
    point.utilization_percent = static_cast<float>(track.utilization_sum / track.utilization_count);
  }
  track.history = appended(*track.history, point);
  track.utilization_sum = 0;
  track.utilization_count = 0;
  track.waiting_max = 0;
}

}  // namespace poolwright::health

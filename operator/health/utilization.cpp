#include "health/utilization.h"

#include <algorithm>
#include <cmath>

namespace poolwright::health {
namespace {

constexpr double kMicrosecondsPerSecond = 1e6;
/// Up to this length, as a part of a step, a transaction is left to the counters alone.
constexpr double kShortInSteps = 0.25;

double seconds_between(MonotonicTime from, MonotonicTime to) {
  return std::chrono::duration<double>(to - from).count();
}

bool is_possible(const BusySample& sample) {
  return std::min({sample.xact_count, sample.xact_time_us, sample.wait_time_us, sample.active, sample.occupied,
                   sample.held}) >= 0;
}

bool went_back(const BusySample& before, const BusySample& after) {
  return after.xact_count < before.xact_count || after.xact_time_us < before.xact_time_us ||
         after.wait_time_us < before.wait_time_us;
}

}  // namespace

std::int64_t occupied(const PoolRow& row) {
  return row.sv_active + row.sv_active_cancel + row.sv_being_canceled + row.sv_tested + row.sv_login;
}

std::int64_t held(const PoolRow& row) { return occupied(row) + row.sv_idle + row.sv_used; }

std::optional<BusySample> busy_sample(const PodObservation& pod, const std::string& database) {
  if (!pod.observed_at) return std::nullopt;
  BusySample sample{.time = *pod.observed_at};
  for (const PoolRow& row : pod.pools) {
    if (row.database != database) continue;
    sample.active += row.sv_active;
    sample.occupied += occupied(row);
    sample.held += held(row);
  }
  for (const StatsRow& row : pod.stats) {
    if (row.database != database) continue;
    sample.xact_count += row.xact_count;
    sample.xact_time_us += row.xact_time_us;
    sample.wait_time_us += row.wait_time_us;
  }
  if (!is_possible(sample)) return std::nullopt;
  return sample;
}

void BusyWindow::observe(const BusySample& sample) {
  if (last_ && sample.time <= last_->time) return;
  const bool is_first = !last_;
  if (!is_first && (went_back(*last_, sample) || sample.time - last_->time > kGapMax)) {
    steps_.clear();
    owed_s_ = 0;
  } else if (!is_first) {
    add_step(sample, seconds_between(last_->time, sample.time));
  }
  last_ = sample;
}

void BusyWindow::add_step(const BusySample& sample, double seconds) {
  const double cap = static_cast<double>(std::max(last_->held, sample.held));
  const std::int64_t ended = sample.xact_count - last_->xact_count;
  const auto open_throughout =
      static_cast<double>(std::clamp<std::int64_t>(last_->active - ended, 0, std::max<std::int64_t>(sample.active, 0)));
  const auto credited_us = static_cast<double>(sample.xact_time_us - last_->xact_time_us) -
                           static_cast<double>(sample.wait_time_us - last_->wait_time_us);
  const double credited_s = credited_us / kMicrosecondsPerSecond + owed_s_;
  // Bounded, since the transaction of a client that went away is never counted.
  owed_s_ = std::max(std::min(credited_s, 0.0), -cap * std::chrono::duration<double>(kWindow).count());
  const double counted = std::clamp(std::max(credited_s / seconds, open_throughout), 0.0, cap);
  steps_.push_back({.end = sample.time,
                    .seconds = seconds,
                    .counted = counted,
                    .ended = static_cast<double>(ended),
                    .credited = std::max(credited_s, 0.0),
                    .occupied = static_cast<double>(sample.occupied)});
  while (steps_.size() > 1 && (steps_.front().end + kWindow <= sample.time || steps_.size() > kStepsMax)) {
    steps_.pop_front();
  }
}

std::optional<double> BusyWindow::by_counters() const {
  if (steps_.empty()) return std::nullopt;
  double busy = 0;
  double seconds = 0;
  for (const Step& step : steps_) {
    busy += step.counted * step.seconds;
    seconds += step.seconds;
  }
  return busy / seconds;
}

std::optional<double> BusyWindow::by_gauges() const {
  if (steps_.empty()) return std::nullopt;
  double sum = 0;
  for (const Step& step : steps_) sum += step.occupied;
  return sum / static_cast<double>(steps_.size());
}

double BusyWindow::gauge_weight() const {
  double ended = 0;
  double credited = 0;
  double seconds = 0;
  for (const Step& step : steps_) {
    ended += step.ended;
    credited += step.credited;
    seconds += step.seconds;
  }
  if (ended == 0) return 1;
  const double length_in_steps = credited / ended / (seconds / static_cast<double>(steps_.size()));
  return std::clamp((length_in_steps - kShortInSteps) / (1 - kShortInSteps), 0.0, 1.0);
}

std::optional<double> BusyWindow::busy() const {
  const std::optional<double> counted = by_counters();
  const std::optional<double> seen = by_gauges();
  if (!counted || !seen) return std::nullopt;
  double least = *seen;
  for (const Step& step : steps_) least = std::min(least, step.occupied);
  const double chance = 2 * std::sqrt(std::max(*counted, 1.0) / static_cast<double>(steps_.size())) + 0.5;
  if (least > *counted + chance) return *seen;
  const double weight = gauge_weight();
  return (1 - weight) * *counted + weight * *seen;
}

}  // namespace poolwright::health

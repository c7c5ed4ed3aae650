#include "sizing/observation.h"

#include <algorithm>
#include <cmath>

namespace poolwright::sizing {
namespace {

// Far above anything real (285 years in microseconds) and exact as a double.
constexpr double kCounterMax = 9.0e15;
constexpr int kGaugeMax = 1'000'000;

bool is_counter(double value) { return value >= 0.0 && value <= kCounterMax; }
bool is_gauge(int value) { return value >= 0 && value <= kGaugeMax; }

}  // namespace

int held(const PodGauges& gauges) { return occupied(gauges) + gauges.sv_idle + gauges.sv_used; }

int occupied(const PodGauges& gauges) {
  return gauges.sv_active + gauges.sv_tested + gauges.sv_login + gauges.sv_being_canceled;
}

bool is_usable(const PodObservation& observation) {
  const PodCounters& counters = observation.counters;
  const PodGauges& gauges = observation.gauges;
  const bool counters_good = is_counter(counters.xact_count) && is_counter(counters.xact_time_us) &&
                             is_counter(counters.query_time_us) && is_counter(counters.wait_time_us);
  const bool gauges_good = is_gauge(gauges.sv_active) && is_gauge(gauges.sv_idle) && is_gauge(gauges.sv_used) &&
                           is_gauge(gauges.sv_tested) && is_gauge(gauges.sv_login) &&
                           is_gauge(gauges.sv_being_canceled) && is_gauge(gauges.cl_active) &&
                           is_gauge(gauges.cl_waiting);
  const bool settings_good =
      observation.pool_size >= 1 && is_gauge(observation.pool_size) && is_gauge(observation.reserve);
  return std::isfinite(observation.time_s) && counters_good && gauges_good && settings_good;
}

PerPodLimits per_pod(const SizeLimits& limits, int pods) {
  const int count = std::max(1, pods);
  PerPodLimits result;
  result.max = std::max(1, limits.max / count);
  result.min = std::clamp((limits.min + count - 1) / count, 1, result.max);
  result.initial = std::clamp(limits.initial / count, result.min, result.max);
  return result;
}

}  // namespace poolwright::sizing

#include "simulate/pooler.h"

#include <algorithm>

namespace poolwright::simulate {
namespace {

constexpr double kMicroseconds = 1e6;

}  // namespace

void Pooler::trim() {
  const int too_many = std::min(idle(), held() - size);
  if (too_many > 0) idle_since_s.erase(idle_since_s.begin(), idle_since_s.begin() + too_many);
}

void Pooler::expire(double now_s, double idle_timeout_s) {
  const auto fresh = std::find_if(idle_since_s.begin(), idle_since_s.end(),
                                  [&](double since_s) { return since_s >= now_s - idle_timeout_s; });
  idle_since_s.erase(idle_since_s.begin(), fresh);
}

int Pooler::ceiling() const {
  int largest = size;
  for (const int waiting : pending) largest = std::max(largest, waiting);
  return largest;
}

void Pooler::count(const Transaction& transaction, double now_s) {
  const double waited_s = transaction.started_s - transaction.arrived_s;
  const double total_s = now_s - transaction.arrived_s;
  counters.xact_count += 1;
  counters.xact_time_us += total_s * kMicroseconds;
  counters.query_time_us += std::max(waited_s, total_s - transaction.gap_s - transaction.leak_s) * kMicroseconds;
}

sizing::PodObservation Pooler::observe(double now_s, double oldest_arrival_s) const {
  sizing::PodObservation observation;
  observation.time_s = now_s;
  observation.counters = counters;
  observation.gauges.sv_active = active;
  observation.gauges.sv_idle = idle();
  observation.gauges.sv_login = logging_in;
  observation.gauges.cl_active = active;
  observation.gauges.cl_waiting = static_cast<int>(queue.size());
  observation.gauges.maxwait_s = queue.empty() ? 0.0 : now_s - oldest_arrival_s;
  observation.pool_size = size;
  return observation;
}

}  // namespace poolwright::simulate

#include "simulate/metrics.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/check.h"

namespace poolwright::simulate {
namespace {

constexpr std::array kFigures = {&Metrics::p99_wait_ms,
                                 &Metrics::p50_response_ms,
                                 &Metrics::p99_response_ms,
                                 &Metrics::transactions_per_s,
                                 &Metrics::held,
                                 &Metrics::allocated,
                                 &Metrics::resizes,
                                 &Metrics::seconds_over_budget,
                                 &Metrics::seconds_allocated_over_budget,
                                 &Metrics::rejected_logins,
                                 &Metrics::seconds_saturated,
                                 &Metrics::seconds_leaking};

void append(std::vector<double>& to, const std::vector<double>& from) { to.insert(to.end(), from.begin(), from.end()); }

}  // namespace

double percentile(std::vector<double>& values, double share) {
  if (values.empty()) return 0.0;
  const double place = share * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(below), values.end());
  const double low = values[below];
  if (below + 1 == values.size()) return low;
  const double high = *std::min_element(values.begin() + static_cast<std::ptrdiff_t>(below) + 1, values.end());
  return low + (place - static_cast<double>(below)) * (high - low);
}

Metrics measure(Outcome outcome) {
  const double seconds = outcome.duration_s;
  Metrics metrics;
  std::vector<double> waits;
  std::vector<double> responses;
  for (PoolOutcome& pool : outcome.pools) {
    append(waits, pool.waits_s);
    append(responses, pool.responses_s);
    const double rate = static_cast<double>(pool.transactions) / seconds;
    metrics.transactions_per_s += rate;
    metrics.pools.push_back({.name = pool.name,
                             .p99_wait_ms = 1e3 * percentile(pool.waits_s, 0.99),
                             .transactions_per_s = rate,
                             .held = pool.held_sum / seconds});
  }
  metrics.p99_wait_ms = 1e3 * percentile(waits, 0.99);
  metrics.p50_response_ms = 1e3 * percentile(responses, 0.50);
  metrics.p99_response_ms = 1e3 * percentile(responses, 0.99);
  metrics.held = outcome.held_sum / seconds;
  metrics.allocated = outcome.allocated_sum / seconds;
  metrics.resizes = outcome.resizes;
  metrics.seconds_over_budget = outcome.seconds_over_budget;
  metrics.seconds_allocated_over_budget = outcome.seconds_allocated_over_budget;
  metrics.rejected_logins = outcome.rejected_logins;
  metrics.seconds_saturated = outcome.seconds_saturated;
  metrics.seconds_leaking = outcome.seconds_leaking;
  return metrics;
}

Metrics mean(std::span<const Metrics> runs) {
  PW_CHECK(!runs.empty());
  Metrics result;
  const auto count = static_cast<double>(runs.size());
  for (const auto figure : kFigures) {
    for (const Metrics& run : runs) result.*figure += run.*figure / count;
  }
  result.pools = runs.front().pools;
  for (std::size_t i = 0; i < result.pools.size(); ++i) {
    PoolMetrics& pool = result.pools[i];
    pool.p99_wait_ms = pool.transactions_per_s = pool.held = 0.0;
    for (const Metrics& run : runs) {
      pool.p99_wait_ms += run.pools[i].p99_wait_ms / count;
      pool.transactions_per_s += run.pools[i].transactions_per_s / count;
      pool.held += run.pools[i].held / count;
    }
  }
  return result;
}

}  // namespace poolwright::simulate

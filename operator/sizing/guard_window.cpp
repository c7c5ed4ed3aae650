#include "sizing/guard_window.h"

#include <algorithm>
#include <cmath>

namespace poolwright::sizing {
namespace {

constexpr double kWorkMin = 1e-6;

}  // namespace

OperatingPoint measure_point(std::span<const GuardPool> pools, std::size_t samples) {
  OperatingPoint point;
  double variance = 0.0;
  double work = 0.0;
  for (const GuardPool& pool : pools) {
    const std::size_t count = std::min(samples, pool.window.size());
    if (count == 0) continue;
    const auto first = pool.window.end() - static_cast<std::ptrdiff_t>(count);
    double transactions = 0.0;
    double working = 0.0;
    double waiting = 0.0;
    for (auto sample = first; sample != pool.window.end(); ++sample) {
      transactions += sample->transactions;
      working += sample->active - sample->leaked;
      waiting += sample->waiting;
    }
    const auto total = static_cast<double>(count);
    transactions /= total;
    point.concurrency += std::max(0.0, working / total) * pool.statement_share;
    point.waiting += waiting / total;
    point.transactions[pool.id] = transactions;
    const double service_s = pool.transactions > 0.0 ? pool.busy / pool.transactions : 0.0;
    work += service_s * transactions;
    if (count < 2) continue;
    double squares = 0.0;
    for (auto sample = first; sample != pool.window.end(); ++sample) {
      const double difference = sample->transactions - transactions;
      squares += difference * difference;
    }
    variance += service_s * service_s * squares / (total - 1.0) / total;
  }
  point.error = work > 0.0 ? std::sqrt(variance) / work : 1.0;
  return point;
}

std::map<std::string, double> service_times(std::span<const GuardPool> pools) {
  std::map<std::string, double> result;
  for (const GuardPool& pool : pools) {
    result[pool.id] = pool.transactions > 0.0 ? pool.busy * pool.statement_share / pool.transactions : 0.0;
  }
  return result;
}

double work_rate(const std::map<std::string, double>& transactions, const std::map<std::string, double>& service_s) {
  double work = 0.0;
  for (const auto& [id, rate] : transactions) {
    const auto found = service_s.find(id);
    if (found != service_s.end()) work += rate * found->second;
  }
  return std::max(work, kWorkMin);
}

}  // namespace poolwright::sizing

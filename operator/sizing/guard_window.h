// What the knee guard measures: how many statements run in the server, how many clients wait and how fast each pool
// completes transactions, as means over the last seconds of all pools of one server. Pure functions.
#pragma once

#include <map>
#include <span>
#include <string>

#include "sizing/estimator.h"

namespace poolwright::sizing {

/// One pool as the guard sees it; the window is borrowed for the call.
struct GuardPool {
  std::string id;
  const std::deque<Sample>& window;
  double busy = 0;
  double transactions = 0;
  double statement_share = 1;
  bool is_doubtful = false;
};

struct OperatingPoint {
  /// Mean statements running in the server.
  double concurrency = 0;
  double waiting = 0;
  /// Transactions per second of each pool.
  std::map<std::string, double> transactions;
  /// Relative standard error of the work rate.
  double error = 1;
};

/// Means over the newest `samples` samples of each pool; pools without samples count as silent.
OperatingPoint measure_point(std::span<const GuardPool> pools, std::size_t samples);

/// Servers that the pools' transactions keep busy inside the server per transaction, in seconds.
std::map<std::string, double> service_times(std::span<const GuardPool> pools);

/// Work per second at given service times: the sum of rate times service time over the pools that both maps know.
/// With the service times of the point itself this is its concurrency, whatever the mix of pools. Never 0.
double work_rate(const std::map<std::string, double>& transactions, const std::map<std::string, double>& service_s);

}  // namespace poolwright::sizing

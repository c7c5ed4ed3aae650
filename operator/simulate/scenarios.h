// The situations that policies are compared in: how many clients of each pool there are over time, what their
// transactions cost, and what the PostgreSQL server can do. Plain values and functions of time; nothing random here.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "sizing/observation.h"

namespace poolwright::simulate {

/// Part of the transactions that is different: drawn with `probability`, costing more on the server or waiting longer
/// inside a statement (locks). Means of exponential distributions.
struct SlowPart {
  double probability = 0;
  double work_s = 0;
  double lock_s = 0;
};

/// Transactions that forget to end: drawn with `probability`, idle in transaction for a mean of `hold_s`.
struct LeakPart {
  double probability = 0;
  double hold_s = 0;
};

/// One pool: closed clients that think, ask and wait for the answer. Times are means of exponential distributions.
struct Workload {
  std::string name = "a";
  std::function<double(double)> clients;
  double think_s = 2.0;
  double work_s = 0.020;
  /// Between the statements of a transaction, outside the server.
  double gap_s = 0.010;
  int pods = 1;
  /// Sums over the pods.
  sizing::SizeLimits limits{.min = 3, .max = 200, .initial = 10, .reserve_per_pod = 0};
  double weight = 1.0;
  std::function<SlowPart(double)> slow = [](double) { return SlowPart{}; };
  std::function<LeakPart(double)> leak = [](double) { return LeakPart{}; };
};

/// The server: n statements at a time progress with a total speed of n / (1 + contention * (n - 1) + coherence * n * (n
/// - 1)) (universal scalability law), so that beyond a knee more statements do less work.
struct ServerModel {
  double contention = 0.02;
  double coherence = 0.0004;
  int max_connections = 300;
};

/// From `from_s` on, the size of each pool's pods.
struct SizePhase {
  double from_s = 0;
  std::vector<int> sizes;
};

struct Scenario {
  std::string name;
  std::string summary;
  double duration_s = 0;
  std::vector<Workload> workloads;
  ServerModel server;
  int budget = 290;
  /// Best static size of each phase, found by grid search with knowledge of the future: what the policies are held
  /// against.
  std::vector<SizePhase> oracle;
};

/// All scenarios, in the order of the table.
const std::vector<Scenario>& scenarios();
/// Null if there is none of that name.
const Scenario* find_scenario(std::string_view name);

}  // namespace poolwright::simulate

// The figures of one simulated run, as in the table of docs/sizing.md. Pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "simulate/simulator.h"

namespace poolwright::simulate {

struct PoolMetrics {
  std::string name;
  double p99_wait_ms = 0;
  double transactions_per_s = 0;
  double held = 0;
};

struct Metrics {
  double p99_wait_ms = 0;
  double p50_response_ms = 0;
  double p99_response_ms = 0;
  double transactions_per_s = 0;
  /// Mean servers that were connected, and that were allowed.
  double held = 0;
  double allocated = 0;
  double resizes = 0;
  double seconds_over_budget = 0;
  double seconds_allocated_over_budget = 0;
  double rejected_logins = 0;
  double seconds_saturated = 0;
  double seconds_leaking = 0;
  std::vector<PoolMetrics> pools;
};

/// Value below which `share` of the values lie, interpolated; 0 of none. Reorders `values`.
double percentile(std::vector<double>& values, double share);

Metrics measure(Outcome outcome);

/// Means of runs of one scenario and policy. `runs` is not empty.
Metrics mean(std::span<const Metrics> runs);

}  // namespace poolwright::simulate

// `poolwright simulate`: runs scenarios under policies with several seeds. Pure: time, randomness and results are
// values.
#pragma once

#include "base/result.h"
#include "simulate/report.h"

namespace poolwright::simulate {

struct SimulationOptions {
  /// Empty: all of them.
  std::vector<std::string> scenarios;
  /// Empty: static25, hpa, hpa_q, hpa_2s, hpaq_2s, ours, oracle, and hpa_b for scenarios of several pools.
  std::vector<std::string> policies;
  std::vector<std::uint64_t> seeds = {1, 2, 3};
  /// Constants of our sizing to try.
  PolicyOptions ours;
  SimulatorOptions simulator;
  /// Keep the time series of the first seed.
  bool with_traces = false;
};

inline constexpr std::size_t kSeedsMax = 100;

/// kInvalid with the names that there are, for a scenario or policy that is not known, or for no or too many seeds.
Result<Report> run_simulation(const SimulationOptions& options);

}  // namespace poolwright::simulate

// Discrete-event simulation of closed clients, PgBouncers and one PostgreSQL server. Deterministic: the same scenario,
// policy, options and seed give the same run on every machine. Thread rule: one owner; runs are independent.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "simulate/policies.h"
#include "simulate/scenarios.h"

namespace poolwright::simulate {

struct SimulatorOptions {
  std::uint64_t seed = 1;
  double idle_timeout_s = 600.0;
  double login_s = 0.015;
  /// Mean time from a decision until a pod runs it.
  double apply_s = 0.5;
  /// Sessions idle in a transaction for longer are ended; 0: never.
  double terminate_leaks_after_s = 0.0;
  /// True: servers over the size close only when they are idle at one of three ticks a second, as PgBouncer does by
  /// itself, so a saturated pool keeps them. False: they close when their transaction ends, as with the measures that
  /// the operator takes to force a shrink.
  bool is_shrink_lazy = false;
  /// Called every second with what the policy gets to see, before it decides.
  std::function<void(const sizing::ServerInput&)> on_observation;
};

/// One pool at one second; sums over its pods.
struct PoolTrace {
  int active = 0;
  int waiting = 0;
  int size = 0;
  int held = 0;
  double demand = 0;
};

struct TracePoint {
  double time_s = 0;
  std::vector<PoolTrace> pools;
};

struct PoolOutcome {
  std::string name;
  std::vector<double> waits_s;
  std::vector<double> responses_s;
  std::int64_t transactions = 0;
  double held_sum = 0;  // servers, summed over the seconds
};

struct Outcome {
  double duration_s = 0;
  std::vector<PoolOutcome> pools;
  std::vector<TracePoint> trace;
  double held_sum = 0;
  double allocated_sum = 0;
  int resizes = 0;
  int seconds_over_budget = 0;
  int seconds_allocated_over_budget = 0;
  int rejected_logins = 0;
  int seconds_saturated = 0;
  int seconds_leaking = 0;
};

Outcome simulate(const Scenario& scenario, std::vector<int> initial, SizePolicy& policy,
                 const SimulatorOptions& options);

}  // namespace poolwright::simulate

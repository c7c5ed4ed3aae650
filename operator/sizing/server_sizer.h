// The whole chain for one PostgreSQL server: observe, recommend, guard, share the budget, move. Called once a second
// with everything that is known; gives the size of every pool and the numbers behind it.
//
// Promises (tests/unit/sizing/invariants_test.cpp): the same input gives the same decision, in any order of pools and
// pods; committed connections never pass the budget by a decision of ours; a size is never 0; doubtful observations
// never shrink. Thread rule: one owner. Failures: none, every input gives a decision.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "sizing/allocator.h"
#include "sizing/explanation.h"
#include "sizing/guard_step.h"
#include "sizing/observation.h"

namespace poolwright::sizing {

struct PoolDecision {
  std::string id;
  /// pool_size that every pod should have from now on. >= 1. Equal to PoolInput::size: nothing to send.
  int size = 1;
  /// Where Auto would lead, whatever the mode (before the knee guard and the budget of the server).
  int recommended = 1;
  /// How many pods may exist with these sizes. Below PoolInput::pods: do not create more before the next decision.
  int pods_affordable = 0;
  /// False: not even one connection a pod fits the budget. Its clients must not be let in.
  bool is_admitted = true;
  Explanation why;
};

struct ServerDecision {
  /// By id.
  std::vector<PoolDecision> pools;
  GuardState guard_state = GuardState::kOpen;
  /// The minimums (and reserves) of the pools do not fit the budget.
  bool is_budget_exceeded = false;
  /// Connections that may exist now, at most, and after this decision.
  int committed_before = 0;
  int committed_after = 0;
};

class ServerSizer {
 public:
  explicit ServerSizer(const Parameters& parameters) : parameters_(parameters), guard_(parameters.guard) {}

  /// Pools that are no longer in the input are forgotten. Of two pools with one id the first counts.
  ServerDecision decide(const ServerInput& input);

  const KneeGuard& guard() const { return guard_; }

 private:
  struct PoolState {
    explicit PoolState(const EstimatorParameters& parameters) : estimator(parameters), recommender(parameters) {}
    DemandEstimator estimator;
    Recommender recommender;
  };
  /// One pool on its way through the chain.
  struct Work {
    const PoolInput* input = nullptr;
    PoolState* state = nullptr;
    PerPodLimits limits;
    Recommendation recommendation;
    int pods = 1;
    int want = 1;   // after the guard
    int share = 1;  // after the budget
    int size = 1;   // to be sent
    int committed = 0;
    bool is_guided = true;
    bool is_frozen = false;
  };

  std::vector<Work> observe(const ServerInput& input);
  void guard_wants(double now_s, std::vector<Work>& works, GuardVerdict& verdict);
  static bool share_budget(int budget, std::vector<Work>& works);
  static void move(int budget, std::vector<Work>& works);
  static Explanation explain(const Work& work, const GuardVerdict& verdict);

  Parameters parameters_;
  KneeGuard guard_;
  std::map<std::string, PoolState> pools_;
};

}  // namespace poolwright::sizing

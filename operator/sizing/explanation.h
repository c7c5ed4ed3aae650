// Why a pool has the size it has: the numbers of one decision and the sentences made from them. Plain values.
#pragma once

#include <string>
#include <string_view>

#include "sizing/estimator.h"
#include "sizing/knee_guard.h"

namespace poolwright::sizing {

/// What decided the size in the end.
enum class Reason {
  kDemand,      // the demand of this moment needs it
  kMemory,      // less is needed now, but the recent past needed it
  kWithin,      // the need differs by less than the tolerance
  kMinimum,     // the spec's minimum
  kMaximum,     // the spec's maximum
  kStep,        // on its way up in bounded steps
  kDoubt,       // observations are doubtful: frozen
  kDatabase,    // the server would do less work with more
  kBudget,      // the server's connections are shared with other pools
  kTransition,  // other pools have to shrink first
  kFixed,       // mode Fixed or Recommend
};
std::string_view to_string(Reason reason);

/// Sizes are per pod unless the name says total; demand is the sum over the pods.
struct Explanation {
  Reason reason = Reason::kDemand;
  Doubt doubt = Doubt::kNone;
  int size_before = 1;
  int size = 1;
  int pods = 1;
  int min = 1;
  int max = 1;

  double load = 0;
  double busy = 0;
  double remembered_load = 0;
  double transactions = 0;
  double service_s = 0;
  double statement_share = 1;
  int waiting = 0;
  int leaked = 0;
  bool is_queueing = false;
  double target_utilization = 0.7;
  double max_wait_probability = 0.03;
  double down_window_s = 120;

  int now = 1;
  int past = 1;
  int leak_compensation = 0;
  int window_max = 1;
  int need = 1;
  int bare = 1;
  int wanted = 1;   // by demand, windows and steps
  int guarded = 1;  // after the knee guard
  int share = 1;    // after the budget

  GuardState guard_state = GuardState::kOpen;
  double guard_cap = 0;
  double guard_concurrency = 0;
  int budget = 0;
  int committed_total = 0;  // by all pools of the server, before this decision
};

/// "14 per pod (28 on 2 pods): ..." One sentence for status and `poolwright explain`.
std::string why(const Explanation& explanation);

/// What would make the size change from here; one sentence.
std::string what_would_change(const Explanation& explanation);

}  // namespace poolwright::sizing

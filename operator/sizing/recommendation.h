// From demand to the size that each pod should have: up at once and in bounded steps, down slowly and never below what
// the recent past needed. Knows nothing of budgets or of the server. One recommender a pool.
// Thread rule: one owner. Memory: one entry for each second of the windows.
#pragma once

#include <deque>

#include "sizing/estimator.h"

namespace poolwright::sizing {

/// Sizes are per pod.
struct Recommendation {
  /// What the demand of this moment needs, what the remembered demand needs; both within the limits.
  int now = 1;
  int past = 1;
  /// Servers added because leaked transactions hold as many.
  int leak_compensation = 0;
  /// Largest need of the down window: no shrink goes below it.
  int window_max = 1;
  /// Need without memory (mean of a short window), and its lean variant for the first tier of a budget.
  int need = 1;
  int bare = 1;
  /// Where the windows lead, and the size to have now: the present one, or a bounded step towards the target.
  int target = 1;
  int want = 1;
  /// The demand asks for more, even if a step has to wait until the servers that the size allows are open.
  bool is_growth_wanted = false;
  /// The pool shows signs of pressure, now or a few seconds ago.
  bool is_contending = false;
  /// Why `want` is not smaller, although the need is (for the explanation).
  bool is_shrink_delayed = false;
};

struct RecommendationInput {
  double now_s = 0;
  const Demand& demand;
  double remembered_load = 0;
  const PoolInput& pool;
  /// Pods that share the load; the limits are for each of so many.
  int pods = 1;
  PerPodLimits limits;
};

class Recommender {
 public:
  explicit Recommender(const EstimatorParameters& parameters) : parameters_(parameters) {}

  /// Doubtful demand neither shrinks nor is remembered; growth needs a fresh sample.
  Recommendation recommend(const RecommendationInput& input);

  /// To be called when a decision changes the size, so that the next step keeps its distance.
  void note_step(double now_s, int from, int to);

 private:
  struct Need {
    double time_s = 0;
    int now = 0;
    int remembered = 0;  // the larger of now and past
    double load = 0;
  };

  void remember(const Need& need, const PoolPolicy& policy);
  void set_needs(const RecommendationInput& input, Recommendation& result) const;
  int window_max(const RecommendationInput& input) const;
  int step_up(const RecommendationInput& input, const Recommendation& result) const;
  int step_down(const RecommendationInput& input, Recommendation& result) const;
  bool may_shrink(double now_s, const PoolPolicy& policy) const;

  EstimatorParameters parameters_;
  std::deque<Need> needs_;
  Recommendation last_;
  double started_s_ = 1e18;
  double last_up_s_ = -1e18;
  double last_down_s_ = -1e18;
  double pressed_s_ = -1e18;
};

}  // namespace poolwright::sizing

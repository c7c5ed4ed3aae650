// From what the pods of one pool report to the demand of the pool: how many servers are busy, how many more the waiting
// clients would keep busy, how fast transactions pass. One estimator a pool.
//
// Rules that everything else relies on:
//  - xact_time includes waiting, so mean busy servers = (d xact_time - d wait_time) / dt, per pod at most what it
//  holds.
//    Transactions are counted when they end: open long ones are seen in the gauges instead.
//  - A counter that falls (restart), a long gap, NaN, a repeated or older observation is never turned into a rate.
//  - What is not known well enough is said (Doubt). Whoever decides must not shrink a pool in doubt.
// Thread rule: one owner. Memory: kWindowMax samples and one track a pod.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "sizing/decaying_histogram.h"
#include "sizing/observation.h"

namespace poolwright::sizing {

/// Why the demand may not be trusted for shrinking.
enum class Doubt {
  kNone,
  kWarmingUp,      // too few samples yet
  kNoObservation,  // no pod has a fresh rate
  kPodMissing,     // some pods have none, now or within the fast window
  kPaused,         // the pool is paused: waiting clients say nothing
  kStalled,        // clients wait, nothing ends and no pod is at its limit: the server is away
};
std::string_view to_string(Doubt doubt);

/// One second of a pool, summed over its pods. Rates are per second; `busy` is mean busy servers by the counters.
struct Sample {
  double time_s = 0;
  double transactions = 0;
  double busy = 0;
  double between_statements = 0;  // servers held by transactions that wait for their client
  double waited = 0;              // mean clients waiting by the counters
  int waiting = 0;                // by the gauges
  int active = 0;
  int leaked = 0;
  bool is_complete = true;
};

struct Demand {
  /// Servers that this pool could keep busy: what sizes are made from.
  double load = 0;
  double busy = 0;
  double transactions = 0;
  double service_s = 0;
  /// Share of the held time that is spent in statements, 0.1 .. 1.
  double statement_share = 1;
  int waiting = 0;
  int leaked = 0;
  int held = 0;
  /// Clients wait because the size is too small, not by the luck of one moment.
  bool is_queueing = false;
  /// Clients wait, but every pod with waiters still opens servers that its size allows.
  bool is_opening = false;
  /// A new sample was taken in the last observe().
  bool is_fresh = false;
  Doubt doubt = Doubt::kNoObservation;
};

class DemandEstimator {
 public:
  static constexpr std::size_t kWindowMax = 60;

  explicit DemandEstimator(const EstimatorParameters& parameters)
      : parameters_(parameters), histogram_(parameters.histogram_half_life_s) {}

  /// Takes in the newest observations. `now_s` must not go back between calls (an earlier one is ignored).
  void observe(double now_s, const PoolInput& pool);

  const Demand& demand() const { return demand_; }
  /// Oldest first; at most kWindowMax.
  const std::deque<Sample>& window() const { return window_; }
  /// Demand that was not exceeded for the remembered share of the past, recent past counting most.
  double remembered_load() const { return histogram_.percentile(parameters_.histogram_percentile); }
  /// Most servers that the pod was last seen to hold; 0 if it was never seen.
  int last_held(const std::string& pod) const;

 private:
  struct Rates {
    double time_s = 0;
    double transactions = 0;
    double busy = 0;
    double between_statements = 0;
    double waited = 0;
  };
  struct Track {
    PodObservation last;
    std::optional<Rates> rates;
  };
  struct Totals {
    Sample sample;
    int waiting_at_limit = 0;
    int held = 0;
    int current_pods = 0;
    int busiest = 0;  // active + waiting of the fullest pod
    bool is_paused = false;
  };

  /// Means over the last few samples.
  struct Fast {
    double count = 0;
    double transactions = 0;
    double counted = 0;       // busy servers by the counters
    double seen = 0;          // occupied servers by the gauges
    double queue_growth = 0;  // clients per second, not negative
    bool is_complete = true;
  };

  bool follow(const PodInput& pod, double now_s);
  std::optional<Rates> rates_between(const PodObservation& before, const PodObservation& after) const;
  Totals sum_current(double now_s) const;
  void push(const Sample& sample);
  Demand measure(const Totals& totals) const;
  Fast fast_means() const;
  static double busy_servers(const Fast& fast, int leaked);
  void set_statement_share(Demand& demand) const;

  EstimatorParameters parameters_;
  std::map<std::string, Track> tracks_;
  std::deque<Sample> window_;
  DecayingHistogram histogram_;
  Demand demand_;
  double now_s_ = -1e18;
};

}  // namespace poolwright::sizing

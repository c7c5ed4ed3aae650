// Every constant of the sizing chain, in plain structs with the measured defaults (docs/sizing.md tells where they come
// from). Thread rule: plain values. Units: _s seconds, *_utilization and *_fraction are shares of 1.
#pragma once

namespace poolwright::sizing {

/// What a user may choose for one pool, in the words of an HPA's behavior block.
struct PoolPolicy {
  /// Share of the servers that should be busy; the rest absorbs what a mean hides.
  double target_utilization = 0.70;
  /// Largest probability that a transaction finds no free server (square-root staffing).
  double max_wait_probability = 0.03;

  /// One step up reaches at most the larger of size * up_factor and size + up_step.
  double up_factor = 8.0;
  int up_step = 8;
  double up_period_s = 1.0;
  /// A larger size must have been asked for during this whole window; 0 grows at once.
  double up_window_s = 0.0;

  /// The largest recommendation of this window is what the pool may shrink to.
  double down_window_s = 120.0;
  /// One step down takes away at most this share (but at least one server).
  double down_fraction = 0.25;
  double down_period_s = 15.0;

  /// Differences up to this share of the size are left alone while nobody waits.
  double tolerance = 0.10;
  /// Servers lost to leaked transactions are replaced up to this share of the maximum.
  double leak_compensation = 0.5;

  friend bool operator==(const PoolPolicy&, const PoolPolicy&) = default;
};

struct EstimatorParameters {
  int fast_samples = 3;
  /// A backlog is sized to be gone after this time.
  double drain_s = 1.0;
  /// Memory of past demand: decaying histogram and the percentile that is read from it.
  double histogram_half_life_s = 120.0;
  double histogram_percentile = 0.95;
  /// Window of the need without memory, and the staffing of the bare load (first tier of the budget).
  double need_window_s = 15.0;
  double bare_utilization = 0.9;
  double bare_beta = 1.0;
  /// A pod whose last usable pair of observations is older counts as missing.
  double stale_after_s = 3.0;
  /// A longer pause between two observations of a pod starts it afresh.
  double max_gap_s = 10.0;
  /// Closer observations are taken for one.
  double min_step_s = 0.2;
  /// A pool stays "contending" for this long after its last sign of pressure.
  double contending_s = 10.0;

  friend bool operator==(const EstimatorParameters&, const EstimatorParameters&) = default;
};

/// The knee guard of one PostgreSQL server.
struct GuardParameters {
  bool enabled = true;
  /// Concurrency taken for safe without proof: 2 * cores + spindles where cores are declared.
  double initial_safe = 16.0;
  /// Unproven growth may reach this multiple of the proven concurrency.
  double growth_factor = 2.0;
  /// Growth is tried once concurrency reaches this share of the proven one.
  double trial_share = 0.7;
  double trial_settle_s = 1.5;
  double trial_min_s = 3.0;
  double trial_max_s = 15.0;
  /// Relative error at which a measurement is accurate enough to judge.
  double max_error = 0.04;
  /// Growth by ratio r must raise the work done by 1 + gain_min * (r - 1); below min_ratio nothing is concluded.
  double gain_min = 0.25;
  double min_ratio = 1.20;
  double test_shrink = 0.75;
  /// Seconds in a row at the cap, with clients waiting, before the server is tested without a growth trial.
  int blocked_ticks = 4;
  double lockout_s = 60.0;
  double probe_period_s = 20.0;
  double probe_period_max_s = 120.0;
  double probe_step = 0.15;
  double probe_step_max = 0.6;
  /// A probe upwards by ratio r must gain at least gain_probe * (r - 1).
  double gain_probe = 0.30;
  double gain_epsilon = 0.02;
  /// Seconds without contention after which a saturated server is opened again.
  double clear_s = 30.0;
  /// Calm time constant with which the proven concurrency is forgotten.
  double forget_s = 1800.0;

  friend bool operator==(const GuardParameters&, const GuardParameters&) = default;
};

struct Parameters {
  EstimatorParameters estimator;
  GuardParameters guard;

  friend bool operator==(const Parameters&, const Parameters&) = default;
};

}  // namespace poolwright::sizing

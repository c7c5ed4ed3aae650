#include "sizing/knee_guard.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace poolwright::sizing {
namespace {

constexpr double kTiny = 1e-6;
constexpr std::size_t kTrialSamples = 3;
constexpr std::size_t kBlockedTestSamples = 4;
constexpr double kProbeSamplesMin = 4.0;
// A ceiling is never set below these shares of the concurrency that is taken for safe without proof.
constexpr double kTestFloor = 0.75;
constexpr double kProbeFloor = 0.5;
// Work below this share of before: growth made things much worse, go straight back.
constexpr double kRetrograde = 0.9;
constexpr double kTestLoss = 0.05;
// Standard errors beyond which a loss is no chance.
constexpr double kClearErrors = 4.0;
constexpr double kGrownRatio = 1.03;
constexpr double kStepGrowth = 1.5;
constexpr double kLockedGrowth = 1.5;
constexpr double kCalmDecay = 2.0;
// A pause between two ticks counts as at most this long.
constexpr double kStepMax = 10.0;

}  // namespace

std::string_view to_string(GuardState state) {
  switch (state) {
    case GuardState::kOpen:
      return "open";
    case GuardState::kTesting:
      return "testing";
    case GuardState::kSaturated:
      return "saturated";
  }
  return "unknown";
}

GuardState KneeGuard::state() const {
  if (is_open_) return GuardState::kOpen;
  return trial_ && trial_->kind == TrialKind::kTest ? GuardState::kTesting : GuardState::kSaturated;
}

double KneeGuard::tick(const GuardTick& tick) {
  const double step_s = has_ticked_ ? std::clamp(tick.now_s - tick_s_, 0.0, kStepMax) : 1.0;
  has_ticked_ = true;
  tick_s_ = tick.now_s;
  if (trial_ && is_trial_doubtful(tick)) interrupt(tick);
  double concurrency = 0.0;
  for (const GuardPool& pool : tick.pools) concurrency += pool.busy * pool.statement_share;
  return is_open_ ? tick_open(tick, concurrency, step_s) : tick_saturated(tick, step_s);
}

double KneeGuard::tick_open(const GuardTick& tick, double concurrency, double step_s) {
  if (trial_) {
    if (const std::optional<Outcome> outcome = measure(tick)) {
      const Trial trial = *std::exchange(trial_, std::nullopt);
      judge_growth(tick, trial, *outcome);
      if (!is_open_) return ceiling_;
    }
  } else if (tick.is_growth_wanted && concurrency >= parameters_.trial_share * proven_) {
    begin_trial(tick, TrialKind::kGrowth, kTrialSamples, 0.0);
  }
  if (!tick.is_contending) {
    const double kept = std::max(0.0, 1.0 - step_s / parameters_.forget_s);
    proven_ = std::max({parameters_.initial_safe, concurrency, proven_ * kept});
  }
  return open_cap();
}

void KneeGuard::judge_growth(const GuardTick& tick, const Trial& trial, const Outcome& outcome) {
  const double grown = outcome.after.concurrency;
  const double threshold = 1.0 + parameters_.gain_min * (outcome.ratio - 1.0);
  if (outcome.ratio >= parameters_.min_ratio) {
    const bool has_paid = outcome.work_ratio >= threshold;
    record(tick, trial, outcome, has_paid);
    if (has_paid) {
      proven_ = std::max(proven_, grown);
      return;
    }
    const bool is_locked = tick.now_s < locked_until_s_ && grown <= kLockedGrowth * locked_concurrency_;
    if (outcome.work_ratio + 2.0 * outcome.error >= threshold || grown < parameters_.initial_safe || is_locked) return;
    double ceiling = parameters_.test_shrink * grown;
    if (outcome.work_ratio + 2.0 * outcome.error < kRetrograde) ceiling = std::min(ceiling, trial.before.concurrency);
    begin_test(tick, kTrialSamples, grown, ceiling);
    return;
  }
  record(tick, trial, outcome, !tick.is_contending);
  if (!tick.is_contending) {
    proven_ = std::max(proven_, grown);
  } else if (blocked_ticks_ >= parameters_.blocked_ticks && tick.now_s >= locked_until_s_) {
    // Clients queue at the cap and growth gave no evidence either way: ask directly.
    begin_test(tick, kBlockedTestSamples, grown, parameters_.test_shrink * grown);
  }
}

double KneeGuard::tick_saturated(const GuardTick& tick, double step_s) {
  calm_s_ = tick.is_contending ? std::max(0.0, calm_s_ - kCalmDecay * step_s) : calm_s_ + step_s;
  if (calm_s_ >= parameters_.clear_s) {
    push_event({.kind = GuardEvent::Kind::kCleared, .time_s = tick.now_s, .concurrency_after = ceiling_});
    proven_ = std::max(parameters_.initial_safe, ceiling_);
    open();
    return open_cap();
  }
  if (trial_) {
    if (const std::optional<Outcome> outcome = measure(tick)) {
      const Trial trial = *std::exchange(trial_, std::nullopt);
      judge_step(tick, trial, *outcome);
    }
  } else if (tick.now_s >= next_probe_s_ && tick.is_contending) {
    begin_probe(tick);
  }
  return is_open_ ? open_cap() : ceiling_;
}

void KneeGuard::judge_step(const GuardTick& tick, const Trial& trial, const Outcome& outcome) {
  const double gain = outcome.gain;
  const double least = std::max(parameters_.gain_epsilon, 0.5 * outcome.error);
  const bool is_kept = direction_ < 0 ? gain >= least
                                      : outcome.ratio > kGrownRatio &&
                                            gain >= std::max(least, parameters_.gain_probe * (outcome.ratio - 1.0));
  record(tick, trial, outcome, is_kept);
  if (trial.kind == TrialKind::kTest && gain < -std::max(kTestLoss, outcome.error)) {
    // Less concurrency did less work: locks or idle transactions, not the server.
    proven_ = std::max(proven_, trial.restore);
    locked_until_s_ = tick.now_s + parameters_.lockout_s;
    locked_concurrency_ = trial.restore;
    open();
    return;
  }
  ceiling_set_s_ = tick.now_s;
  if (is_kept) {
    step_ = std::min(parameters_.probe_step_max, step_ * kStepGrowth);
    probe_period_s_ = parameters_.probe_period_s;
    next_probe_s_ = tick.now_s + 1.0;
    failed_probes_ = 0;
    return;
  }
  ceiling_ = trial.restore;
  direction_ = -direction_;
  step_ = parameters_.probe_step;
  ++failed_probes_;
  if (failed_probes_ >= 2) probe_period_s_ = std::min(parameters_.probe_period_max_s, probe_period_s_ * kStepGrowth);
  next_probe_s_ = tick.now_s + (failed_probes_ < 2 ? parameters_.probe_period_s : probe_period_s_);
}

void KneeGuard::begin_trial(const GuardTick& tick, TrialKind kind, std::size_t samples, double restore) {
  Trial trial;
  trial.kind = kind;
  trial.start_s = tick.now_s;
  trial.before = measure_point(tick.pools, samples);
  trial.service_s = service_times(tick.pools);
  trial.work = work_rate(trial.before.transactions, trial.service_s);
  trial.restore = restore;
  trial_ = std::move(trial);
}

void KneeGuard::begin_test(const GuardTick& tick, std::size_t samples, double concurrency, double ceiling) {
  begin_trial(tick, TrialKind::kTest, samples, concurrency);
  is_open_ = false;
  ceiling_ = std::max(ceiling, kTestFloor * parameters_.initial_safe);
  ceiling_set_s_ = tick.now_s;
  direction_ = -1;
  step_ = parameters_.probe_step;
  failed_probes_ = 0;
  calm_s_ = 0;
  blocked_ticks_ = 0;
  // Left as they were by an earlier saturation: the pace of the probes.
  if (probe_period_s_ <= 0.0) probe_period_s_ = parameters_.probe_period_s;
}

void KneeGuard::begin_probe(const GuardTick& tick) {
  const double settled_s = tick.now_s - ceiling_set_s_ - parameters_.trial_settle_s;
  const double samples = std::min(parameters_.trial_max_s, std::max(kProbeSamplesMin, settled_s));
  begin_trial(tick, TrialKind::kProbe, static_cast<std::size_t>(samples), ceiling_);
  const double factor = direction_ > 0 ? 1.0 + step_ : 1.0 / (1.0 + step_);
  ceiling_ = std::max(kProbeFloor * parameters_.initial_safe, ceiling_ * factor);
}

void KneeGuard::open() {
  is_open_ = true;
  ceiling_ = 0;
  trial_.reset();
}

bool KneeGuard::is_trial_doubtful(const GuardTick& tick) const {
  return std::any_of(tick.pools.begin(), tick.pools.end(), [&](const GuardPool& pool) {
    return pool.is_doubtful && trial_->service_s.contains(pool.id) && trial_->service_s.at(pool.id) > 0.0;
  });
}

/// A trial whose pools can no longer be seen proves nothing: whatever it changed is given back.
void KneeGuard::interrupt(const GuardTick& tick) {
  push_event(
      {.kind = GuardEvent::Kind::kInterrupted, .time_s = tick.now_s, .concurrency_before = trial_->before.concurrency});
  const Trial trial = *std::exchange(trial_, std::nullopt);
  if (trial.kind == TrialKind::kTest) open();
  if (trial.kind != TrialKind::kProbe) return;
  ceiling_ = trial.restore;
  ceiling_set_s_ = tick.now_s;
  next_probe_s_ = tick.now_s + parameters_.probe_period_s;
}

std::optional<KneeGuard::Outcome> KneeGuard::measure(const GuardTick& tick) const {
  const Trial& trial = *trial_;
  const double elapsed_s = tick.now_s - trial.start_s - parameters_.trial_settle_s;
  if (elapsed_s < parameters_.trial_min_s) return std::nullopt;
  const double window_s = std::floor(std::min(elapsed_s, parameters_.trial_max_s));
  Outcome outcome;
  outcome.after = measure_point(tick.pools, static_cast<std::size_t>(window_s));
  outcome.work_ratio = work_rate(outcome.after.transactions, trial.service_s) / trial.work;
  outcome.error = outcome.work_ratio *
                  std::sqrt(outcome.after.error * outcome.after.error + trial.before.error * trial.before.error);
  outcome.ratio = outcome.after.concurrency / std::max(trial.before.concurrency, kTiny);
  const double inside = outcome.after.concurrency + outcome.after.waiting;
  const double residence =
      inside / std::max(trial.before.concurrency + trial.before.waiting, kTiny) / outcome.work_ratio;
  // With a long queue the work rate is what counts; otherwise the time that a transaction stays in queue and server.
  const bool is_queue_long = trial.before.waiting >= trial.before.concurrency;
  outcome.gain = is_queue_long ? outcome.work_ratio - 1.0 : 1.0 / std::max(residence, kTiny) - 1.0;
  if (trial.kind == TrialKind::kGrowth) return outcome;
  // Clients pay for a trial that loses: no longer than the loss takes to be clear.
  const bool is_clear_loss = outcome.gain < -(kTestLoss + kClearErrors * outcome.error);
  const bool is_last_chance = window_s >= parameters_.trial_max_s;
  if (outcome.error > parameters_.max_error && !is_clear_loss && !is_last_chance) return std::nullopt;
  return outcome;
}

void KneeGuard::record(const GuardTick& tick, const Trial& trial, const Outcome& outcome, bool is_kept) {
  GuardEvent event;
  event.kind = trial.kind == TrialKind::kGrowth ? GuardEvent::Kind::kGrowth
               : trial.kind == TrialKind::kTest ? GuardEvent::Kind::kTest
                                                : GuardEvent::Kind::kProbe;
  event.time_s = tick.now_s;
  event.concurrency_before = trial.before.concurrency;
  event.concurrency_after = outcome.after.concurrency;
  event.work_ratio = outcome.work_ratio;
  event.error = outcome.error;
  event.is_kept = is_kept;
  push_event(event);
}

void KneeGuard::push_event(const GuardEvent& event) {
  events_.push_back(event);
  if (events_.size() > kEventsMax) events_.pop_front();
}

}  // namespace poolwright::sizing

// Keeps the pools of one PostgreSQL server from growing past the knee, where more connections do less work.
//
// Concurrency (statements running in the server, over all pools) beyond growth_factor * proven must be earned: a growth
// trial compares the work done before and after. Growth that does not pay, or clients that queue at the cap, lead to a
// shrink test. If less concurrency costs nothing, the server is saturated: the concurrency is capped and probed
// downwards and upwards from time to time. If it costs work (locks, idle transactions), the server is not the
// bottleneck and the cap is lifted for a while. Probes always give back what they changed unless they paid. Thread
// rule: one owner. Memory: one trial, kEventsMax events.
#pragma once

#include <deque>
#include <optional>
#include <string_view>

#include "sizing/guard_window.h"
#include "sizing/parameters.h"

namespace poolwright::sizing {

enum class GuardState {
  kOpen,       // growth is free up to the cap
  kTesting,    // shrunk for a moment to see whether that costs work
  kSaturated,  // more connections would make the server slower
};
std::string_view to_string(GuardState state);

struct GuardTick {
  double now_s = 0;
  std::span<const GuardPool> pools;
  /// Some pool shows pressure / wants to grow.
  bool is_contending = false;
  bool is_growth_wanted = false;
};

/// What the guard concluded, for the explanation of sizes.
struct GuardEvent {
  enum class Kind { kGrowth, kTest, kProbe, kCleared, kInterrupted };
  Kind kind = Kind::kGrowth;
  double time_s = 0;
  double concurrency_before = 0;
  double concurrency_after = 0;
  /// Work rate after / before, with its standard error.
  double work_ratio = 1;
  double error = 0;
  bool is_kept = false;
};

class KneeGuard {
 public:
  static constexpr std::size_t kEventsMax = 64;

  explicit KneeGuard(const GuardParameters& parameters) : parameters_(parameters), proven_(parameters.initial_safe) {}

  /// Once a second. Gives the concurrency that the pools together may use.
  double tick(const GuardTick& tick);

  /// Tells whether the cap of the last tick held back a pool whose clients wait.
  void note_blocked(bool is_blocked) { blocked_ticks_ = is_blocked ? blocked_ticks_ + 1 : 0; }

  GuardState state() const;
  /// Concurrency that was seen to pay; never below initial_safe.
  double proven() const { return proven_; }
  /// Cap while testing or saturated.
  std::optional<double> ceiling() const { return is_open_ ? std::nullopt : std::optional(ceiling_); }
  const std::deque<GuardEvent>& events() const { return events_; }

 private:
  enum class TrialKind { kGrowth, kTest, kProbe };
  struct Trial {
    TrialKind kind = TrialKind::kGrowth;
    double start_s = 0;
    OperatingPoint before;
    std::map<std::string, double> service_s;
    double work = 0;
    /// To go back to: the ceiling before a probe, the concurrency before a test.
    double restore = 0;
  };
  struct Outcome {
    OperatingPoint after;
    double ratio = 1;       // concurrency after / before
    double work_ratio = 1;  // work rate after / before
    double gain = 0;        // by what counts, as a share of before
    double error = 0;
  };

  double open_cap() const { return proven_ * parameters_.growth_factor; }
  double tick_open(const GuardTick& tick, double concurrency, double step_s);
  double tick_saturated(const GuardTick& tick, double step_s);
  void judge_growth(const GuardTick& tick, const Trial& trial, const Outcome& outcome);
  void judge_step(const GuardTick& tick, const Trial& trial, const Outcome& outcome);
  void begin_trial(const GuardTick& tick, TrialKind kind, std::size_t samples, double restore);
  void begin_test(const GuardTick& tick, std::size_t samples, double concurrency, double ceiling);
  void begin_probe(const GuardTick& tick);
  void open();
  void interrupt(const GuardTick& tick);
  bool is_trial_doubtful(const GuardTick& tick) const;
  std::optional<Outcome> measure(const GuardTick& tick) const;
  void record(const GuardTick& tick, const Trial& trial, const Outcome& outcome, bool is_kept);
  void push_event(const GuardEvent& event);

  GuardParameters parameters_;
  bool is_open_ = true;
  double proven_;
  double ceiling_ = 0;
  std::optional<Trial> trial_;
  double tick_s_ = 0;
  bool has_ticked_ = false;
  int blocked_ticks_ = 0;
  // After a test showed that concurrency was useful: no test before this time, unless far above that concurrency.
  double locked_until_s_ = -1e18;
  double locked_concurrency_ = 0;
  // Saturated: direction and step of the next probe, when it is due, how calm it has been.
  int direction_ = -1;
  double step_ = 0;
  double next_probe_s_ = 0;
  double probe_period_s_ = 0;
  int failed_probes_ = 0;
  double calm_s_ = 0;
  double ceiling_set_s_ = 0;
  std::deque<GuardEvent> events_;
};

}  // namespace poolwright::sizing

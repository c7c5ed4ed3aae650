// How many server connections of one PgBouncer were busy, on average over the last seconds.
//
// PgBouncer's gauges show one instant: sampled once a second they miss bursts. Its counters miss nothing, but a
// transaction is credited only when it ends: while long ones are open they are blind, and at the end they spike. So:
//   by counters   mean over the window of (d xact_time - d wait_time)/dt, each step capped by the connections that
//                 existed (the spike), and at least the transactions that cannot have ended in the step
//                 (sv_active at its begin - d xact_count: those were open all the time). A wait is counted when it
//                 ends, its transaction later: a step that comes out negative is settled in the next ones;
//   by gauges     the window's mean of occupied connections.
// Transactions much shorter than a step are left to the counters, those as long as a step or longer to the gauges,
// which cannot miss them; in between both are mixed. Where the gauges are above the counters by more than chance
// explains (two standard errors and half a connection), a few long transactions hide among short ones: then the gauges
// are taken. Samples should not be taken in step with the load: whoever polls, jitters. Thread rule: not synchronised;
// one owner.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "base/clock.h"
#include "health/observations.h"

namespace poolwright::health {

/// What one PgBouncer told about one database at one moment.
struct BusySample {
  MonotonicTime time{};
  std::int64_t xact_count = 0;
  std::int64_t xact_time_us = 0;
  std::int64_t wait_time_us = 0;
  std::int64_t active = 0;    // connections that a transaction had
  std::int64_t occupied = 0;  // connections that no other client could have had
  std::int64_t held = 0;      // connections that existed
};

/// Adds up the rows of one database; without rows, everything is 0. nullopt where the pod never answered, or a row says
/// something impossible (a negative number).
std::optional<BusySample> busy_sample(const PodObservation& pod, const std::string& database);

/// Connections that no other client can have now: active, testing, logging in or being cancelled.
std::int64_t occupied(const PoolRow& row);
/// Connections that exist, in whatever state.
std::int64_t held(const PoolRow& row);

class BusyWindow {
 public:
  /// Three steps of the usual second: short enough that an alert can be raised within ten.
  static constexpr Duration kWindow{3000};
  /// A gap longer than this says nothing about what happened in it.
  static constexpr Duration kGapMax{90000};
  static constexpr std::size_t kStepsMax = 128;

  /// Samples with the time of the previous one, or an earlier one, are ignored. A counter that went back (restart)
  /// begins anew.
  void observe(const BusySample& sample);

  /// Mean busy connections; nullopt until one step was seen.
  std::optional<double> busy() const;
  /// The same by counters alone (capped) and by gauges alone, for comparison.
  std::optional<double> by_counters() const;
  std::optional<double> by_gauges() const;

 private:
  struct Step {
    MonotonicTime end{};
    double seconds = 0;
    double counted = 0;   // busy connections by counters, capped
    double ended = 0;     // transactions that ended in the step
    double credited = 0;  // seconds that those had held a connection
    double occupied = 0;  // at the end of the step
  };

  void add_step(const BusySample& sample, double seconds);
  /// How much the gauges count, 0-1, by the mean length of the transactions that ended.
  double gauge_weight() const;

  std::optional<BusySample> last_;
  double owed_s_ = 0;  // negative: waits whose transactions are still to be counted
  std::deque<Step> steps_;
};

}  // namespace poolwright::health

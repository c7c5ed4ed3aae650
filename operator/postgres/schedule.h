// When to connect and when to poll, as pure decisions: how many connects run at once and how fast they follow each
// other, when a regular poll is due, and how long a failed connection rests. Time is an argument.
// Thread rule: plain values, no shared state.
#pragma once

#include <deque>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/retry.h"

namespace poolwright::postgres {

struct ConnectLimits {
  int concurrent_max = 16;                          // SCRAM costs 3.4 ms of our thread for each
  Duration spacing{20};                             // at most 50 connects a second
  Backoff rest{Duration{1'000}, Duration{60'000}};  // after failures, with jitter
};

/// Lets connects through in the order in which they were asked for, within the limits.
class ConnectGate {
 public:
  explicit ConnectGate(ConnectLimits limits) : limits_(limits) {}

  /// Asks for a turn; asking twice is asking once. The queue is as long as there are names.
  void request(const std::string& name);
  /// Gives up a turn that has not come yet.
  void withdraw(const std::string& name);
  /// The next name whose turn it is, which counts as connecting from now on; none if nobody may start yet.
  std::optional<std::string> admit(MonotonicTime now);
  /// A connect that was admitted has ended, in whatever way.
  void finished();
  /// When admit() should be asked again; none if it waits for a request or for finished().
  std::optional<MonotonicTime> next_turn() const;

  int connecting() const { return connecting_; }

 private:
  ConnectLimits limits_;
  std::deque<std::string> waiting_;
  int connecting_ = 0;
  MonotonicTime not_before_{};
};

/// When a poll that was due at `due` is due again: one interval later, but never in the past. A poller that fell behind
/// skips what it missed instead of making up for it.
MonotonicTime next_due(MonotonicTime due, MonotonicTime now, Duration interval);

}  // namespace poolwright::postgres

// Which objects have to be looked at. A key says only which object, never why: whoever takes it looks at the whole
// state.
//
// Three sets decide: `order` (waiting, first in first out), `dirty` (has to be looked at), `taken` (being looked at).
// So
//   - a key that is added several times before somebody takes it is given out once,
//   - a key is never given to two takers at once,
//   - a key that is added while it is taken is given out again after done().
// Thread rule: any thread. The number of keys is bounded by the number of objects, so the queue has no limit of its
// own.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/deadline.h"
#include "base/histogram.h"
#include "base/mutex.h"
#include "base/random.h"
#include "base/retry.h"

namespace poolwright::kube {

struct WorkKey {
  std::string namespace_name;
  std::string name;

  friend auto operator<=>(const WorkKey&, const WorkKey&) = default;  // NOLINT(modernize-use-nullptr): tool's bug
  friend bool operator==(const WorkKey&, const WorkKey&) = default;
};

/// What a queue counted since its start.
struct WorkQueueCounts {
  std::size_t depth = 0;
  std::uint64_t adds = 0;     // keys that came into the line
  std::uint64_t retries = 0;  // of them after a failure
  double unfinished_s = 0;    // that the taken keys have taken so far, together
  double longest_running_s = 0;
  Histogram waited_s = make_histogram(latency_bounds());
  Histogram worked_s = make_histogram(latency_bounds());
};

class WorkQueue {
 public:
  /// The clock and the randomness outlive the queue.
  WorkQueue(const Clock& clock, Random& random, const Backoff& backoff = {})
      : clock_(clock), random_(random), backoff_(backoff) {}

  void add(const WorkKey& key);
  /// Not before `delay` has passed. Of several delayed adds of a key the earliest counts; add() overtakes it.
  void add_after(const WorkKey& key, Duration delay);
  /// After a failure: each one in a row doubles the delay (5 ms up to 1000 s with jitter). Gives the delay.
  Duration add_failed(const WorkKey& key);
  /// After a failure whose error may name a delay of its own (base/retry.h, requeue_delay).
  Duration add_failed(const WorkKey& key, const Error& error);
  /// After a success: the next failure is the first again.
  void forget(const WorkKey& key);
  int failures(const WorkKey& key) const;

  /// Waits for a key; nullopt after shut_down() or when `stop` says so. Every taken key is given back by done().
  std::optional<WorkKey> take(const std::stop_token& stop);
  /// The same without waiting.
  std::optional<WorkKey> try_take();
  void done(const WorkKey& key);
  /// When the next delayed key is due; nullopt where none is delayed.
  std::optional<MonotonicTime> next_due() const;

  /// Nothing is given out any more, adds are dropped; keys that are taken may finish.
  void shut_down();
  /// True once no key is taken; false where the limits ended the wait.
  bool await_drained(const CallLimits& limits) const;

  std::size_t waiting() const;
  std::size_t delayed() const;
  std::size_t taken() const;
  WorkQueueCounts counts() const;

 private:
  void add_locked(const WorkKey& key) PW_REQUIRES(mutex_);
  void delay_locked(const WorkKey& key, Duration delay) PW_REQUIRES(mutex_);
  int fail_locked(const WorkKey& key) PW_REQUIRES(mutex_);
  void release_due() PW_REQUIRES(mutex_);
  void cancel_delay(const WorkKey& key) PW_REQUIRES(mutex_);
  void put_in_line(const WorkKey& key) PW_REQUIRES(mutex_);
  std::optional<WorkKey> take_locked() PW_REQUIRES(mutex_);

  const Clock& clock_;
  Random& random_;
  const Backoff backoff_;

  mutable Mutex mutex_;
  mutable ConditionVariable changed_;
  std::deque<WorkKey> order_ PW_GUARDED_BY(mutex_);
  std::set<WorkKey> dirty_ PW_GUARDED_BY(mutex_);
  std::set<WorkKey> taken_ PW_GUARDED_BY(mutex_);
  std::map<WorkKey, MonotonicTime> in_line_since_ PW_GUARDED_BY(mutex_);
  std::map<WorkKey, MonotonicTime> taken_since_ PW_GUARDED_BY(mutex_);
  WorkQueueCounts counts_ PW_GUARDED_BY(mutex_);  // without what counts() fills in
  std::map<WorkKey, MonotonicTime> due_ PW_GUARDED_BY(mutex_);
  std::set<std::pair<MonotonicTime, WorkKey>> timeline_ PW_GUARDED_BY(mutex_);
  std::map<WorkKey, int> failures_ PW_GUARDED_BY(mutex_);
  bool is_shut_down_ PW_GUARDED_BY(mutex_) = false;
};

}  // namespace poolwright::kube

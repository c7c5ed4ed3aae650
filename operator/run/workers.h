// The threads that take pools from the work queue: one pool at a time each, with a limit on its time, and with the
// barrier that keeps one pool's bug from the others. What became of it goes back to the queue and into the book.
// Thread rule: start and stop by the owner; counters() by any thread.
#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "kube/work_queue.h"
#include "reconcile/reconciler.h"
#include "run/reconcile_book.h"
#include "serve/operator_counters.h"

namespace poolwright::run {

struct WorkersSettings {
  int count = 4;
  Duration drain_limit = std::chrono::seconds{10};  // how long stop() lets looks finish
};

/// Has a pool looked at soon. The queue outlives it.
inline std::function<void(const std::string&, const std::string&)> enqueues_in(kube::WorkQueue& queue) {
  return [&queue](const std::string& namespace_name, const std::string& name) { queue.add({namespace_name, name}); };
}

class Workers {
 public:
  /// How long one look at a pool may take, requests and waits included.
  static constexpr Duration kLookLimit = std::chrono::seconds{60};

  using Look = std::function<Result<reconcile::Action>(const kube::WorkKey& key, const CallLimits& limits)>;
  /// Blocks until there may be work; false: there will be none.
  using Await = std::function<bool(const std::stop_token& stop)>;

  /// `queue` and `clock` outlive this.
  Workers(kube::WorkQueue& queue, const Clock& clock, const WorkersSettings& settings)
      : queue_(queue), clock_(clock), settings_(settings), book_(settings.count) {}

  void start(Look look, Await await);

  /// Shuts the queue down, lets what is in flight finish, cancels it after the limit, and joins.
  void stop();

  serve::ReconcileCounters reconcile_counters() const { return book_.counters(); }
  serve::WorkQueueCounters queue_counters() const;

 private:
  void work(const std::stop_token& stop);
  Result<reconcile::Action> look_at(const kube::WorkKey& key);
  void file(const kube::WorkKey& key, const Result<reconcile::Action>& result);

  kube::WorkQueue& queue_;
  const Clock& clock_;
  const WorkersSettings settings_;
  ReconcileBook book_;
  Look look_;    // const after start
  Await await_;  // const after start
  std::stop_source cancel_;
  std::vector<std::jthread> threads_;
};

}  // namespace poolwright::run

// Leader election by a Lease object, so that of several operators one writes.
// Only times that this process observed itself count: a record that did not change for a whole lease duration, by our
// own monotonic clock, is expired; what other clocks wrote into it is ignored. Thread rule: LeaseElector belongs to one
// thread; LeaseRunner has its own thread and may be started and stopped from another.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "base/pulse.h"
#include "base/random.h"
#include "kube/client.h"
#include "kube/leader_gate.h"

namespace poolwright::kube {

struct LeaseOptions {
  std::string namespace_name;
  std::string name = "poolwright";
  std::string identity = {};  // unique per process: pod name and something random
  Duration lease_duration = std::chrono::seconds{15};
  Duration renew_deadline = std::chrono::seconds{10};  // no write after this time without a renewal
  Duration retry_period = std::chrono::seconds{2};
};

/// Decides and talks; does not wait. attempt() is called again after the delay that it gave.
class LeaseElector {
 public:
  /// All but the options outlive the elector. The client needs a transport of its own: a renewal must not queue behind
  /// other requests.
  LeaseElector(Client& client, LeaderGate& gate, const Clock& clock, Random& random, LeaseOptions options)
      : client_(client), gate_(gate), clock_(clock), random_(random), options_(std::move(options)), attempted_(clock) {}

  /// Tries to get or to keep the lease, opens or closes the gate accordingly.
  Duration attempt(const std::stop_token& stop);
  /// Closes the gate and gives the lease back, so that the next one need not wait for its end.
  void release();
  /// Closes the gate only.
  void abandon() { gate_.close(); }

  bool is_leader() const { return gate_.may_write(); }
  /// When the API server last answered about the lease; the clock's first moment before. From any thread.
  MonotonicTime answered_at() const { return MonotonicTime{std::chrono::nanoseconds{answered_at_.load()}}; }
  /// When it last tried; late where nobody calls attempt() any more. From any thread.
  MonotonicTime attempted_at() const { return attempted_.at(); }
  /// Who holds the lease, as last seen; "" = nobody.
  const std::string& holder() const { return observed_holder_; }

 private:
  Status try_lease(const CallLimits& limits);
  Status take_over(const api::Json& lease, MonotonicTime asked, const CallLimits& limits);
  Status store(Result<api::Json> written, MonotonicTime asked);
  void observe(const api::Json& lease);
  api::Json record(const api::Json* previous) const;
  api::ObjectKey key() const;

  Client& client_;
  LeaderGate& gate_;
  const Clock& clock_;
  Random& random_;
  const LeaseOptions options_;
  std::optional<api::Json> held_;  // the lease as we last wrote it
  std::string observed_holder_;
  std::string observed_version_;
  MonotonicTime observed_since_{};
  std::atomic<std::chrono::nanoseconds::rep> answered_at_{0};
  Pulse attempted_;
};

/// Runs an elector until it is stopped, then releases the lease.
class LeaseRunner {
 public:
  /// on_change(true) after the lease was got, on_change(false) after it was lost; on the runner's thread. The gate
  /// itself is always more recent than these calls.
  LeaseRunner(LeaseElector& elector, Waiter& waiter, std::function<void(bool)> on_change)
      : elector_(elector), waiter_(waiter), on_change_(std::move(on_change)) {}
  ~LeaseRunner();
  LeaseRunner(const LeaseRunner&) = delete;
  LeaseRunner& operator=(const LeaseRunner&) = delete;

  void start();
  /// Returns after the lease was given back (or could not be, within 3 s).
  void stop();

 private:
  void run(const std::stop_token& stop);

  LeaseElector& elector_;
  Waiter& waiter_;
  const std::function<void(bool)> on_change_;
  std::jthread thread_;
};

}  // namespace poolwright::kube

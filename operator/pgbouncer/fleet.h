// All PgBouncers that the operator looks after: one persistent admin console each, polled once a second, reconnected
// with back-off, published as immutable snapshots. A console that hangs, drips or talks nonsense affects its pod only.
//
// One connection per pod both reads and changes: a second one (for a stats user) would double the SCRAM logins, which
// are our largest cost, and take a second of the pod's client slots, and protect nothing, since this process holds
// both logins.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "pgbouncer/console.h"
#include "pgbouncer/rows.h"
#include "postgres/io_thread.h"
#include "postgres/pq_connection.h"
#include "postgres/schedule.h"
#include "postgres/target.h"

namespace poolwright::pgbouncer {

struct PodTarget {
  std::string address;  // numeric; the pod's IP
  std::uint16_t port = 6432;
  /// Newest first; a refused login is followed by the next one, so a rotation locks nobody out. Not empty.
  std::vector<postgres::Login> logins;
  postgres::TlsOptions tls;
  friend bool operator==(const PodTarget&, const PodTarget&) = default;
};

/// What one pod said last. After a failure the rows are those of the last success and `error` says what is wrong.
struct PodObservation {
  bool is_connected = false;
  int version = 0;                           // 12401; 0 while never connected
  std::int64_t connects = 0;                 // grows with each new connection: counters may have started anew
  std::optional<MonotonicTime> observed_at;  // when the answer to SHOW STATS came; none before the first poll
  std::chrono::microseconds round_trip{0};   // of SHOW POOLS, STATS and DATABASES together
  std::vector<PoolRow> pools;
  std::vector<StatsRow> stats;
  std::vector<DatabaseRow> databases;  // paused also where all are together
  /// What seldom changes: asked for with the first poll of a connection, after a RELOAD, and every kSeldomPolls polls.
  struct Seldom {
    std::map<std::string, std::int64_t> lists;  // SHOW LISTS
    std::string marker;                         // that names the config: syslog_ident of SHOW CONFIG
    std::int64_t max_client_conn = 0;
    std::int64_t max_user_connections = 0;
  };
  std::shared_ptr<const Seldom> seldom = std::make_shared<const Seldom>();
  std::optional<Error> error;  // none while all is well
  int failures = 0;            // in a row
};

struct FleetOptions {
  Duration poll_interval{1'000};
  Duration query_limit{3'000};  // for each SHOW of a poll
  postgres::ConnectLimits connects;
  postgres::ConnectionLimits connection;
  /// Called on the console thread when a pod's console was connected or lost; must not block.
  std::function<void(const std::string& pod)> on_change;
};

/// Polls between two looks at what seldom changes.
inline constexpr int kSeldomPolls = 10;
/// Most commands that wait for one console; further ones fail with kThrottled.
inline constexpr std::size_t kWaitingCommandsMax = 16;

/// Thread rule: any thread. Pods are keyed by a name of the caller's choice that is never used for two pods at once
/// (the pod's UID). The I/O thread, clock and random source must outlive the fleet and its consoles.
class ConsoleFleet {
 public:
  ConsoleFleet(postgres::IoThread& thread, const Clock& clock, Random& random, FleetOptions options);
  /// Closes every console.
  ~ConsoleFleet();
  ConsoleFleet(const ConsoleFleet&) = delete;
  ConsoleFleet& operator=(const ConsoleFleet&) = delete;

  /// Adds a pod, or changes it: a new address or TLS setting reconnects at once, new logins are used from the next
  /// connection on. Setting what is set does nothing.
  void set_pod(const std::string& pod, PodTarget target);
  /// Has closed the console when it returns (an open console keeps PgBouncer alive after SIGTERM). Commands that wait
  /// fail with kCancelled. Not to be called from a callback.
  void remove_pod(const std::string& pod);

  /// The pod's console; never null. Its commands fail with kCancelled once the pod is gone (or was never there), and
  /// fail at once with kUnavailable while it is not connected.
  std::shared_ptr<Console> console(const std::string& pod);

  /// Null if there is no such pod.
  std::shared_ptr<const PodObservation> observation(const std::string& pod) const;
  std::map<std::string, std::shared_ptr<const PodObservation>> observations() const;

 private:
  struct Published;
  struct State;
  class PodConsole;

  std::shared_ptr<Published> published_;
  std::shared_ptr<State> state_;  // ends on the I/O thread
};

}  // namespace poolwright::pgbouncer

// What one PgBouncer says about one pool (one database with its one forced user) at one moment, and what the sizing of
// a whole PostgreSQL server is given each second. Plain values; everything that decides takes them by const reference.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sizing/parameters.h"

namespace poolwright::sizing {

/// Cumulative since the PgBouncer started (SHOW STATS). A value that could not be read is NaN: the observation is then
/// ignored. xact_time and query_time include the time that a client waited for a server.
struct PodCounters {
  double xact_count = 0;
  double xact_time_us = 0;
  double query_time_us = 0;
  double wait_time_us = 0;
};

/// At the moment of the observation (SHOW POOLS).
struct PodGauges {
  int sv_active = 0;
  int sv_idle = 0;
  int sv_used = 0;
  int sv_tested = 0;
  int sv_login = 0;
  int sv_being_canceled = 0;
  int cl_active = 0;
  int cl_waiting = 0;
  double maxwait_s = 0;
};

struct PodObservation {
  /// Monotonic, from the same clock as ServerInput::time_s.
  double time_s = 0;
  PodCounters counters;
  PodGauges gauges;
  /// Read back from the PgBouncer (SHOW DATABASES), not what it was told.
  int pool_size = 0;
  int reserve = 0;
  bool is_paused = false;
};

/// Server connections that exist, in whatever state.
int held(const PodGauges& gauges);
/// Server connections that no other client can have now.
int occupied(const PodGauges& gauges);
/// Finite, not negative, not absurd: may be used at all.
bool is_usable(const PodObservation& observation);

enum class SizingMode {
  kAuto,       // the size follows the demand
  kRecommend,  // the size stays, the recommendation is only told
  kFixed,      // the size is the initial one
};

/// Sums over all pods, as the server sees them; the reserve is what each pod may open on top of its size.
struct SizeLimits {
  int min = 5;
  int max = 25;
  int initial = 25;
  int reserve_per_pod = 0;
};

struct PodInput {
  std::string name;
  /// Newest observation; none if the pod was never reached.
  std::optional<PodObservation> observation;
  /// Largest size that this pod may still come to run, by settings that were sent and not yet confirmed
  /// (SettingLedger). 0: none beyond PoolInput::size.
  int ceiling = 0;
};

struct PoolInput {
  /// Unique on the server, the same at every call.
  std::string id;
  SizingMode mode = SizingMode::kAuto;
  SizeLimits limits;
  /// Share in a contended budget relative to other pools; > 0.
  double weight = 1.0;
  PoolPolicy policy;
  /// The most pods that may exist until the next decision takes effect: surging and terminating ones included. >= 1.
  int pods = 1;
  /// Newest pool_size that was sent to the pods (what the ConfigMap says). >= 1.
  int size = 1;
  /// Sessions of this pool that sit idle in a transaction for too long (find_leaks).
  int leaked = 0;
  /// Pods that exist, in any order.
  std::vector<PodInput> pod_inputs;
};

/// Everything that is known about one PostgreSQL server. Pools that are being deleted stay in until their last pod is
/// gone.
struct ServerInput {
  double time_s = 0;
  /// Connections that all pools together may have.
  int budget = 0;
  std::vector<PoolInput> pools;
};

/// Limits of what each of `pods` pods may be set to, so that their sum keeps the limits of the pool. Never below 1.
struct PerPodLimits {
  int min = 1;
  int max = 1;
  int initial = 1;
};
PerPodLimits per_pod(const SizeLimits& limits, int pods);

}  // namespace poolwright::sizing

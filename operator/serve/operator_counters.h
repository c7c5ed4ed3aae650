// What the operator counts about itself, under the names that dashboards of Kubernetes operators know
// (controller_runtime_*, workqueue_*, rest_client_*, leader_election_master_status, process_*) and its own
// (poolwright_*). Plain values: their owners count, whoever publishes a snapshot copies.
// Thread rule: plain values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/histogram.h"
#include "base/result.h"

namespace poolwright::serve {

struct ReconcileCounters {
  std::string controller = "connectionpool";
  std::uint64_t success = 0;
  std::uint64_t requeue = 0;
  std::uint64_t requeue_after = 0;
  std::uint64_t error = 0;
  std::uint64_t terminal_errors = 0;
  std::uint64_t panics = 0;
  std::uint64_t timeouts = 0;
  std::int64_t active_workers = 0;
  std::int64_t workers_max = 0;
  Histogram time_s = make_histogram(latency_bounds());
};

struct WorkQueueCounters {
  std::string name = "connectionpool";
  std::int64_t depth = 0;
  std::uint64_t adds = 0;
  std::uint64_t retries = 0;
  double unfinished_s = 0;
  double longest_running_s = 0;
  Histogram waited_s = make_histogram(latency_bounds());
  Histogram worked_s = make_histogram(latency_bounds());
};

/// Requests to the API server. status 0: no answer.
struct RestClientCounters {
  struct Key {
    std::string method;
    int status = 0;
    std::string host;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  std::map<Key, std::uint64_t> requests;
  std::map<std::string, Histogram> seconds_by_verb;
};

/// From /proc/self.
struct ProcessCounters {
  double cpu_seconds = 0;
  double start_time_unix_s = 0;
  std::int64_t resident_bytes = 0;
  std::int64_t virtual_bytes = 0;
  std::int64_t open_fds = 0;
  std::int64_t fds_max = 0;
};
/// Of this program. kUnavailable where /proc is not readable.
Result<ProcessCounters> read_process_counters();

/// One pool's configuration changes, poolwright_*.
struct PoolCounters {
  std::uint64_t reloads = 0;
  std::uint64_t reload_failures = 0;
  std::uint64_t resizes_up = 0;
  std::uint64_t resizes_down = 0;
  std::uint64_t leaks_terminated = 0;
};

struct OperatorCounters {
  std::string version;
  std::string commit;
  ReconcileCounters reconcile;
  WorkQueueCounters queue;
  RestClientCounters rest;
  std::string lease_name;  // "": no leader election
  bool is_leader = false;
  ProcessCounters process;
  std::map<std::pair<std::string, std::string>, PoolCounters> pools;  // by namespace and name
  Histogram apply_seconds = make_histogram(latency_bounds());         // from a change to its read-back from every pod
};

}  // namespace poolwright::serve

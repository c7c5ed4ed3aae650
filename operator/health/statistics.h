// Statistics per pool, database and PgBouncer: what is open, busy and waiting, of how much.
// Thread rule: BusyBook has one owner; everything else is plain values and pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "health/observations.h"
#include "health/utilization.h"

namespace poolwright::health {

/// Server connections and clients of one PgBouncer, database or pool.
struct ConnectionCounts {
  std::int64_t active = 0;   // server connections in use at the moment of the answer
  std::int64_t idle = 0;     // open and free
  std::int64_t total = 0;    // open: active + idle
  std::int64_t max = 0;      // what may be opened, without the reserve; the 100 % of utilization
  std::int64_t reserve = 0;  // what may be opened on top when clients wait
  std::int64_t active_clients = 0;
  std::int64_t waiting = 0;   // clients without a server connection
  double longest_wait_s = 0;  // of the clients that wait now
  /// Mean busy connections over the last seconds; nullopt while unknown.
  std::optional<double> busy;
  /// busy of max, 0-100: more than 100 % (the reserve is in use) is told as 100. nullopt while unknown.
  std::optional<double> utilization_percent;
};

/// One PgBouncer's part of one database.
struct PodStatistics {
  std::string name;
  std::string version;
  bool is_up = false;  // answered the newest poll
  bool is_paused = false;
  std::string problem;
  ConnectionCounts connections;
};

struct DatabaseStatistics {
  std::string name;
  std::string server;
  std::int64_t size = 0;
  std::int64_t size_min = 0;
  std::int64_t size_max = 0;
  std::optional<std::int64_t> recommended_size;
  std::string size_reason;
  std::int64_t leaked_sessions = 0;
  ConnectionCounts connections;  // sum over the PgBouncers that answer; longest_wait_s is the largest
  std::vector<PodStatistics> pods;
};

struct PoolStatistics {
  std::string namespace_name;
  std::string name;
  std::string endpoint;
  std::string pool_mode;
  bool is_through_pgbouncer = true;
  std::vector<std::string> versions;  // of its PgBouncers, each once
  std::int64_t pods = 0;
  std::int64_t pods_up = 0;
  Thresholds thresholds;
  ConnectionCounts connections;  // sum over the databases; utilization is that of the busiest database
  std::vector<DatabaseStatistics> databases;
};

/// Sorted by namespace and name; databases and pods by name.
struct ConnectionPoolStats {
  WallTime time{};
  std::vector<PoolStatistics> pools;
};

/// Remembers the last seconds of every PgBouncer and database.
class BusyBook {
 public:
  /// Takes in what is new and forgets whoever is no longer there.
  void observe(const Observations& observations);
  const BusyWindow* find(const PoolObservation& pool, const std::string& pod, const std::string& database) const;

 private:
  using Key = std::tuple<std::string, std::string, std::string, std::string>;  // namespace, pool, pod, database
  std::map<Key, BusyWindow> windows_;
};

ConnectionPoolStats connection_pool_stats(const Observations& observations, const BusyBook& book);

/// Whether clients of the pool are, or are about to be, held up: a database at or above the critical utilization, or
/// clients waiting while every connection that may be opened is in use.
bool is_connection_pool_overloaded(const PoolStatistics& pool);

}  // namespace poolwright::health

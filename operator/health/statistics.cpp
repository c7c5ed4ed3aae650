#include "health/statistics.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace poolwright::health {
namespace {

/// What a PgBouncer may open for a database; 0 where that is unknown or without limit.
std::int64_t may_open(const DatabaseRow& row) {
  return row.max_connections > 0 ? std::min(row.pool_size, row.max_connections) : row.pool_size;
}

/// One decimal is what is shown, so it is also what limits are compared with.
double percent_of(double part, double whole) { return std::clamp(std::round(1000 * part / whole) / 10, 0.0, 100.0); }

void fill_gauges(ConnectionCounts& counts, const PodObservation& pod, const std::string& database) {
  for (const PoolRow& row : pod.pools) {
    if (row.database != database) continue;
    counts.active += occupied(row);
    counts.idle += held(row) - occupied(row);
    counts.active_clients += row.cl_active;
    counts.waiting += row.cl_waiting;
    counts.longest_wait_s = std::max(counts.longest_wait_s, row.maxwait_s);
  }
  counts.total = counts.active + counts.idle;
}

PodStatistics pod_statistics(const PoolObservation& pool, const PodObservation& pod, const std::string& database,
                             const BusyBook& book) {
  PodStatistics result{.name = pod.name, .version = pod.version, .problem = pod.problem};
  result.is_up = pod.observed_at && pod.problem.empty();
  if (!result.is_up) return result;
  ConnectionCounts& counts = result.connections;
  fill_gauges(counts, pod, database);
  for (const DatabaseRow& row : pod.databases) {
    if (row.name != database) continue;
    result.is_paused = row.paused;
    // A pod that goes away finishes what it has: its room is no room for new work.
    if (pod.is_terminating) continue;
    counts.max = std::max<std::int64_t>(may_open(row), 0);
    counts.reserve = std::max<std::int64_t>(row.reserve_pool_size, 0);
  }
  const BusyWindow* window = book.find(pool, pod.name, database);
  if (window != nullptr) counts.busy = window->busy();
  if (counts.busy && counts.max > 0) {
    counts.utilization_percent = percent_of(*counts.busy, static_cast<double>(counts.max));
  }
  return result;
}

/// Adds everything but busy and utilization, whose sums need to know of which maximum.
void add_gauges(ConnectionCounts& sum, const ConnectionCounts& part) {
  sum.active += part.active;
  sum.idle += part.idle;
  sum.total += part.total;
  sum.max += part.max;
  sum.reserve += part.reserve;
  sum.active_clients += part.active_clients;
  sum.waiting += part.waiting;
  sum.longest_wait_s = std::max(sum.longest_wait_s, part.longest_wait_s);
}

void add_busy(ConnectionCounts& sum, const ConnectionCounts& part) {
  if (part.busy) sum.busy = sum.busy.value_or(0) + *part.busy;
}

DatabaseStatistics database_statistics(const PoolObservation& pool, const DatabaseObservation& database,
                                       const BusyBook& book) {
  DatabaseStatistics result{.name = database.name,
                            .server = database.server,
                            .size = database.size,
                            .size_min = database.size_min,
                            .size_max = database.size_max,
                            .recommended_size = database.recommended_size,
                            .size_reason = database.size_reason,
                            .leaked_sessions = database.leak.sessions};
  double busy = 0;
  double of = 0;
  for (const PodObservation& pod : pool.pods) {
    PodStatistics part = pod_statistics(pool, pod, database.name, book);
    add_gauges(result.connections, part.connections);
    add_busy(result.connections, part.connections);
    if (part.connections.utilization_percent) {
      busy += *part.connections.busy;
      of += static_cast<double>(part.connections.max);
    }
    result.pods.push_back(std::move(part));
  }
  if (of > 0) result.connections.utilization_percent = percent_of(busy, of);
  std::sort(result.pods.begin(), result.pods.end(),
            [](const PodStatistics& a, const PodStatistics& b) { return a.name < b.name; });
  return result;
}

PoolStatistics pool_statistics(const PoolObservation& pool, const BusyBook& book) {
  PoolStatistics result{.namespace_name = pool.namespace_name,
                        .name = pool.name,
                        .endpoint = pool.endpoint,
                        .pool_mode = pool.pool_mode,
                        .is_through_pgbouncer = pool.is_through_pgbouncer,
                        .pods = static_cast<std::int64_t>(pool.pods.size()),
                        .thresholds = pool.thresholds};
  std::set<std::string> versions;
  for (const PodObservation& pod : pool.pods) {
    if (!pod.version.empty()) versions.insert(pod.version);
    if (pod.observed_at && pod.problem.empty()) ++result.pods_up;
  }
  result.versions.assign(versions.begin(), versions.end());
  for (const DatabaseObservation& database : pool.databases) {
    DatabaseStatistics part = database_statistics(pool, database, book);
    add_gauges(result.connections, part.connections);
    add_busy(result.connections, part.connections);
    if (part.connections.utilization_percent) {
      result.connections.utilization_percent =
          std::max(result.connections.utilization_percent.value_or(0), *part.connections.utilization_percent);
    }
    result.databases.push_back(std::move(part));
  }
  std::sort(result.databases.begin(), result.databases.end(),
            [](const DatabaseStatistics& a, const DatabaseStatistics& b) { return a.name < b.name; });
  return result;
}

}  // namespace

void BusyBook::observe(const Observations& observations) {
  std::set<Key> seen;
  for (const PoolObservation& pool : observations.pools) {
    for (const PodObservation& pod : pool.pods) {
      for (const DatabaseObservation& database : pool.databases) {
        Key key{pool.namespace_name, pool.name, pod.name, database.name};
        const std::optional<BusySample> sample = busy_sample(pod, database.name);
        if (sample) windows_[key].observe(*sample);
        seen.insert(std::move(key));
      }
    }
  }
  std::erase_if(windows_, [&seen](const auto& entry) { return !seen.contains(entry.first); });
}

const BusyWindow* BusyBook::find(const PoolObservation& pool, const std::string& pod,
                                 const std::string& database) const {
  const auto found = windows_.find(Key{pool.namespace_name, pool.name, pod, database});
  return found == windows_.end() ? nullptr : &found->second;
}

ConnectionPoolStats connection_pool_stats(const Observations& observations, const BusyBook& book) {
  ConnectionPoolStats result{.time = observations.wall_now};
  for (const PoolObservation& pool : observations.pools) result.pools.push_back(pool_statistics(pool, book));
  std::sort(result.pools.begin(), result.pools.end(), [](const PoolStatistics& a, const PoolStatistics& b) {
    return std::tie(a.namespace_name, a.name) < std::tie(b.namespace_name, b.name);
  });
  return result;
}

bool is_connection_pool_overloaded(const PoolStatistics& pool) {
  return std::any_of(pool.databases.begin(), pool.databases.end(), [&pool](const DatabaseStatistics& database) {
    const ConnectionCounts& counts = database.connections;
    const bool is_full = counts.waiting > 0 && counts.max > 0 && counts.active >= counts.max;
    return is_full || counts.utilization_percent.value_or(0) >= pool.thresholds.critical_percent;
  });
}

}  // namespace poolwright::health

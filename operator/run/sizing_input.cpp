#include "run/sizing_input.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace poolwright::run {

namespace {

double seconds_of(MonotonicTime time) { return std::chrono::duration<double>(time.time_since_epoch()).count(); }

/// Numbers beyond an int are nonsense that the sizing refuses as a whole.
int narrow(std::int64_t value) { return static_cast<int>(std::clamp<std::int64_t>(value, -1, 1'000'000'000)); }

void add_gauges(const pgbouncer::PoolRow& row, sizing::PodGauges& gauges) {
  gauges.sv_active += narrow(row.sv_active);
  gauges.sv_idle += narrow(row.sv_idle);
  gauges.sv_used += narrow(row.sv_used);
  gauges.sv_tested += narrow(row.sv_tested);
  gauges.sv_login += narrow(row.sv_login);
  gauges.sv_being_canceled += narrow(row.sv_being_canceled);
  gauges.cl_active += narrow(row.cl_active);
  gauges.cl_waiting += narrow(row.cl_waiting);
  gauges.maxwait_s = std::max(gauges.maxwait_s, static_cast<double>(row.maxwait_us) / 1e6);
}

template <typename Row>
const Row* named(const std::vector<Row>& rows, const std::string& name, std::string Row::*member) {
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const Row& row) { return row.*member == name; });
  return found == rows.end() ? nullptr : &*found;
}

}  // namespace

void identify(const std::set<std::string>& names, const std::map<std::string, ServerSeen>& seen,
              ServerIdentities& identities) {
  std::erase_if(identities, [&](const auto& entry) { return !names.contains(entry.first); });
  for (const std::string& name : names) {
    const auto found = seen.find(name);
    if (found == seen.end() || !found->second || !found->second->observed_at) continue;
    const postgres::ServerFacts& facts = found->second->facts;
    if (facts.system_identifier.empty() || facts.is_in_recovery) {
      identities.erase(name);
    } else {
      identities[name] = facts.system_identifier;
    }
  }
}

std::map<std::string, std::string> same_servers(const std::set<std::string>& names,
                                                const ServerIdentities& identities) {
  std::map<std::string, std::string> first;  // by system identifier
  std::map<std::string, std::string> groups;
  for (const std::string& name : names) {
    const auto known = identities.find(name);
    groups[name] = known == identities.end() ? name : first.try_emplace(known->second, name).first->second;
  }
  return groups;
}

std::string sizing_id(const api::ConnectionPool& pool, const std::string& database) {
  return pool.namespace_name + "/" + pool.name + "/" + database;
}

reconcile::Room room_now(const reconcile::Facts& facts, const api::Database& database) {
  const std::string& wanted = facts.deployment.restart_hash;
  return reconcile::room_of(facts, database, !wanted.empty() && reconcile::has_older_pods(facts, wanted));
}

std::optional<sizing::PodObservation> observation_of(const pgbouncer::PodObservation& pod,
                                                     const std::string& database) {
  if (!pod.observed_at) return std::nullopt;
  const auto* configured = named(pod.databases, database, &pgbouncer::DatabaseRow::name);
  if (configured == nullptr) return std::nullopt;
  sizing::PodObservation observation;
  observation.time_s = seconds_of(*pod.observed_at);
  observation.pool_size = narrow(configured->pool_size);
  observation.reserve = narrow(configured->reserve_pool_size);
  observation.is_paused = configured->is_paused;
  // A database that no client has asked for since the start has no row of its own in the others.
  if (const auto* stats = named(pod.stats, database, &pgbouncer::StatsRow::database)) {
    observation.counters = {.xact_count = static_cast<double>(stats->total_xact_count),
                            .xact_time_us = static_cast<double>(stats->total_xact_time_us),
                            .query_time_us = static_cast<double>(stats->total_query_time_us),
                            .wait_time_us = static_cast<double>(stats->total_wait_time_us)};
  }
  for (const pgbouncer::PoolRow& row : pod.pools) {
    if (row.database == database) add_gauges(row, observation.gauges);
  }
  return observation;
}

sizing::SizingMode mode_of(api::SizingMode mode) {
  switch (mode) {
    case api::SizingMode::kAuto:
      return sizing::SizingMode::kAuto;
    case api::SizingMode::kRecommend:
      return sizing::SizingMode::kRecommend;
    case api::SizingMode::kFixed:
      return sizing::SizingMode::kFixed;
  }
  return sizing::SizingMode::kFixed;
}

sizing::PoolPolicy policy_of(const api::Sizing& sizing) {
  sizing::PoolPolicy policy;
  policy.target_utilization = sizing.target_utilization_percent / 100.0;
  policy.max_wait_probability = sizing.max_wait_probability_percent / 100.0;
  // 700 % more is the eightfold.
  policy.up_factor = 1.0 + sizing.scale_up.step_percent / 100.0;
  policy.up_period_s = sizing.scale_up.period_seconds;
  policy.up_window_s = sizing.scale_up.stabilization_window_seconds;
  policy.down_window_s = sizing.scale_down.stabilization_window_seconds;
  policy.down_fraction = std::min(1.0, sizing.scale_down.step_percent / 100.0);
  policy.down_period_s = sizing.scale_down.period_seconds;
  return policy;
}

sizing::LeakPolicy leak_policy_of(const PoolSighting& pool) {
  const api::LeakHandling& leaks = pool.facts.pool.spec.sizing.leaks;
  const bool may_end = !pool.is_paused && !pool.is_deleted;
  return {.age_s = static_cast<double>(leaks.suspect_after_seconds),
          .terminate_after_s = may_end ? leaks.terminate_after_seconds.value_or(0) : 0.0};
}

sizing::PoolInput pool_input(const PoolSighting& pool, const api::Database& database, const DatabaseMemory& memory) {
  const reconcile::Room room = room_now(pool.facts, database);
  const int pods = room.pods;
  const render::PodHold& stopping = room.stopping;
  sizing::PoolInput input;
  input.id = sizing_id(pool.facts.pool, database.name);
  input.mode = mode_of(pool.facts.pool.spec.sizing.mode);
  input.limits = {.min = std::max(1, database.pool_size.min - stopping.size),
                  .max = std::max(1, database.pool_size.max - stopping.size),
                  .initial = std::max(1, api::initial_size(database.pool_size) - stopping.size),
                  .reserve_per_pod = std::max(0, database.reserve_pool_size - stopping.reserve) / pods};
  input.weight = pool.facts.pool.spec.sizing.priority;
  input.policy = policy_of(pool.facts.pool.spec.sizing);
  input.pods = pods;
  input.leaked = memory.leaked;
  const auto recorded = pool.facts.sizes.find(database.name);
  if (memory.size_per_pod) {
    input.size = *memory.size_per_pod;
  } else if (recorded != pool.facts.sizes.end() && !memory.is_arriving) {
    input.size = std::max(1, (recorded->second - stopping.size) / pods);
  } else {
    input.mode = sizing::SizingMode::kFixed;  // wants the initial size, whatever follows later
    input.size = 1;
    if (recorded != pool.facts.sizes.end()) {
      input.limits.initial = std::clamp(recorded->second - stopping.size, input.limits.min, input.limits.max);
    }
  }
  if (pool.is_deleted) input.mode = sizing::SizingMode::kRecommend;  // it only ends
  for (const reconcile::PodFacts& pod : pool.facts.pods) {
    // It holds nothing yet, or is counted apart.
    if (!reconcile::is_live(pod) || memory.pods_elsewhere.contains(pod.uid)) continue;
    sizing::PodInput pod_input{.name = pod.uid};
    const auto seen = pool.seen.find(pod.uid);
    if (seen != pool.seen.end() && seen->second) pod_input.observation = observation_of(*seen->second, database.name);
    const auto ceiling = memory.ceilings.find(pod.uid);
    if (ceiling != memory.ceilings.end()) pod_input.ceiling = ceiling->second;
    input.pod_inputs.push_back(std::move(pod_input));
  }
  return input;
}

std::vector<sizing::Session> idle_sessions(const postgres::ServerObservation& server, const std::string& database,
                                           const std::string& user) {
  std::vector<sizing::Session> sessions;
  for (const postgres::IdleInTransaction& idle : server.idle_in_transaction) {
    if (idle.database != database || idle.user != user) continue;
    sessions.push_back({.pid = narrow(idle.pid),
                        .application_name = idle.application_name,
                        .state = "idle in transaction",
                        .state_age_s = idle.idle_seconds,
                        .mark = idle.mark});
  }
  return sessions;
}

std::string login_user(const PoolSighting& pool, const std::string& database) {
  for (const auto& [uid, seen] : pool.seen) {
    if (!seen) continue;
    const auto* row = named(seen->databases, database, &pgbouncer::DatabaseRow::name);
    if (row != nullptr && !row->force_user.empty()) return row->force_user;
  }
  return "";
}

int held_by(const PoolSighting& pool, const std::string& database) {
  int sum = 0;
  for (const auto& [uid, seen] : pool.seen) {
    if (!seen) continue;
    const auto observation = observation_of(*seen, database);
    if (observation) sum += sizing::held(observation->gauges);
  }
  return sum;
}

int foreign_sessions(const postgres::ServerObservation& server, const OwnSessions& own) {
  OwnSessions left = own;
  std::int64_t foreign = 0;
  for (const postgres::SessionGroup& group : server.sessions) {
    std::int64_t unexplained = group.count;
    const auto found = left.find({group.user, group.database});
    if (found != left.end()) {
      const int taken = static_cast<int>(std::min<std::int64_t>(found->second, unexplained));
      found->second -= taken;
      unexplained -= taken;
    }
    foreign += unexplained;
  }
  return narrow(foreign);
}

}  // namespace poolwright::run

#include "run/leftovers.h"

#include <algorithm>

namespace poolwright::run {

namespace {

using reconcile::PodFacts;

ServerNames servers_of(const api::ConnectionPool& pool, const PodFacts& pod) {
  if (pod.may_reach.empty()) return {server_name(pool)};
  ServerNames servers;
  for (const std::string& address : pod.may_reach) servers.insert(server_name(pool, address));
  return servers;
}

/// Of every database that the pod may have; where nothing is recorded, as the spec allows.
render::PodHolds holds_of(const api::ConnectionPool& pool, const PodFacts& pod) {
  if (pod.may_hold) return *pod.may_hold;
  render::PodHolds holds;
  for (const api::Database& database : pool.spec.databases) {
    holds[database.name] = reconcile::may_hold(pod, database);
  }
  return holds;
}

bool has_database(const api::ConnectionPool& pool, const std::string& name) {
  const auto& databases = pool.spec.databases;
  return std::any_of(databases.begin(), databases.end(), [&](const api::Database& one) { return one.name == name; });
}

}  // namespace

std::vector<Leftover> leftovers(const PoolSighting& pool, const ServerNames& names) {
  std::vector<Leftover> found;
  for (const PodFacts& pod : pool.facts.pods) {
    if (pod.at_gate) continue;
    const render::PodHolds holds = holds_of(pool.facts.pool, pod);
    for (const std::string& server : servers_of(pool.facts.pool, pod)) {
      for (const auto& [database, hold] : holds) {
        if (names.contains(server) && has_database(pool.facts.pool, database)) continue;
        found.push_back({.server = server,
                         .database = database,
                         .pod = pod.uid,
                         .may_grow = reconcile::is_live(pod),
                         .hold = hold});
      }
    }
  }
  return found;
}

std::set<std::string> pods_elsewhere(const PoolSighting& pool, const ServerNames& names) {
  std::set<std::string> pods;
  for (const PodFacts& pod : pool.facts.pods) {
    const ServerNames reached = servers_of(pool.facts.pool, pod);
    const bool is_here =
        std::any_of(reached.begin(), reached.end(), [&](const std::string& name) { return names.contains(name); });
    if (reconcile::is_live(pod) && !is_here) pods.insert(pod.uid);
  }
  return pods;
}

bool is_arriving(const PoolSighting& pool, const std::set<std::string>& elsewhere) {
  const auto& pods = pool.facts.pods;
  return !elsewhere.empty() && std::all_of(pods.begin(), pods.end(), [&](const PodFacts& pod) {
    return !reconcile::is_live(pod) || elsewhere.contains(pod.uid);
  });
}

ServerNames reached_servers(const PoolSighting& pool) {
  ServerNames names = {server_name(pool.facts.pool)};
  for (const PodFacts& pod : pool.facts.pods) names.merge(servers_of(pool.facts.pool, pod));
  return names;
}

}  // namespace poolwright::run

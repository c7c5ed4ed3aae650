#include "run/sizing_view.h"

#include <map>
#include <tuple>

namespace poolwright::run {

namespace {

using Key = std::tuple<std::string, std::string, std::string>;  // namespace, pool, database

void add_to(health::DatabaseObservation& database, const DatabaseSizing& sizing) {
  database.size = sizing.size;
  database.recommended_size = sizing.recommended;
  database.size_reason = sizing.why;
  if (!sizing.leak.is_known) return;
  database.leak = {.sessions = sizing.leak.count,
                   .oldest_s = sizing.leak.oldest_s,
                   .application_name = sizing.leak.application_name};
}

void add_to(health::ServerObservation& server, const ServerSizing& sizing) {
  server.budget = sizing.budget.connections;
  server.is_saturated = sizing.is_saturated;
}

}  // namespace

void SizingView::add(health::Observations& observations, const SizingSnapshot& sizing) {
  std::map<Key, const DatabaseSizing*> databases;
  for (const DatabaseSizing& one : sizing.databases) databases[{one.namespace_name, one.pool, one.database}] = &one;
  for (health::PoolObservation& pool : observations.pools) {
    for (health::DatabaseObservation& database : pool.databases) {
      const auto found = databases.find({pool.namespace_name, pool.name, database.name});
      if (found != databases.end()) add_to(database, *found->second);
    }
  }
  std::map<std::string, const ServerSizing*> servers;
  for (const ServerSizing& one : sizing.servers) servers[one.id] = &one;
  for (health::ServerObservation& server : observations.servers) {
    const auto found = servers.find(server.id);
    if (found == servers.end()) continue;
    add_to(server, *found->second);
    for (health::BudgetShare& share : server.shares) {
      const auto database = databases.find({share.namespace_name, share.pool, share.database});
      if (database != databases.end()) share.committed = database->second->committed;
    }
  }
  for (const SizeChange& change : changes_since(sizing.changes, change_seen_)) {
    observations.decisions.push_back({.time = change.time,
                                      .namespace_name = change.namespace_name,
                                      .pool = change.pool,
                                      .database = change.database,
                                      .size_before = change.size_before,
                                      .size = change.size,
                                      .reason = change.reason,
                                      .text = change.text});
  }
  if (!sizing.changes.empty()) change_seen_ = sizing.changes.back().serial;
}

}  // namespace poolwright::run

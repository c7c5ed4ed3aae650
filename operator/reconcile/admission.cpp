#include "reconcile/admission.h"

#include <algorithm>
#include <charconv>
#include <sstream>

namespace poolwright::reconcile {

namespace {

using render::PodHold;
using render::PodHolds;

std::int32_t number_of(const std::map<std::string, std::string>& options, const char* key) {
  const auto found = options.find(key);
  std::int32_t number = 0;
  if (found == options.end()) return number;
  const char* end = found->second.data() + found->second.size();
  std::from_chars(found->second.data(), end, number);
  return number;
}

PodHold hold_in(const PodHolds& holds, const std::string& database) {
  const auto found = holds.find(database);
  return found == holds.end() ? PodHold{} : found->second;
}

}  // namespace

PodHolds holds_of(const pgbouncer::ExpectedConfig& config) {
  PodHolds holds;
  for (const pgbouncer::ExpectedDatabase& database : config.databases) {
    // One of the two names of the reserve is there, by PgBouncer's version.
    holds[database.name] = {
        .size = number_of(database.options, "pool_size"),
        .reserve = number_of(database.options, "reserve_pool_size") + number_of(database.options, "reserve_pool")};
  }
  return holds;
}

std::set<std::string> servers_of(const pgbouncer::ExpectedConfig& config) {
  std::set<std::string> servers;
  for (const pgbouncer::ExpectedDatabase& database : config.databases) {
    servers.insert(option_of(database, "host") + ":" + option_of(database, "port"));
  }
  return servers;
}

std::string reach_text(const std::set<std::string>& servers) {
  std::string text;
  for (const std::string& server : servers) text += (text.empty() ? "" : ",") + server;
  return text;
}

std::set<std::string> read_reach(const std::string& text) {
  std::set<std::string> servers;
  std::istringstream parts(text);
  for (std::string server; std::getline(parts, server, ',');) {
    if (!server.empty()) servers.insert(server);
  }
  return servers;
}

bool keeps_to(const PodHolds& share, const std::vector<pgbouncer::DatabaseRow>& live) {
  return std::all_of(live.begin(), live.end(), [&](const pgbouncer::DatabaseRow& row) {
    const auto found = share.find(row.name);
    return found == share.end() || row.current_connections <= found->second.total();
  });
}

std::vector<std::string> pods_to_admit(const Facts& facts, const PodHolds& share,
                                       const std::map<std::string, bool>& settled) {
  std::map<std::string, std::int64_t> free;
  for (const api::Database& database : facts.pool.spec.databases) {
    const PodHold one = hold_in(share, database.name);
    std::int64_t& left = free[database.name];
    const auto advice = facts.advice.sizes.find(database.name);
    if (advice != facts.advice.sizes.end()) left = allowed(advice->second, database, room_of(facts, database, false));
    for (const PodFacts& pod : facts.pods) {
      if (pod.at_gate) continue;
      const auto seen = settled.find(pod.uid);
      const bool is_settled = seen != settled.end() && seen->second;
      const PodHold recorded = is_settled ? PodHold{} : may_hold(pod, database);
      const PodHold told = pod.terminating ? PodHold{} : one;
      left -= std::max(recorded.size, told.size) + std::max(recorded.reserve, told.reserve);
    }
  }
  std::vector<std::string> admitted;
  for (const PodFacts& pod : facts.pods) {
    if (!pod.at_gate || pod.terminating) continue;
    const bool fits = std::all_of(free.begin(), free.end(), [&](const auto& entry) {
      return entry.second >= hold_in(share, entry.first).total();
    });
    if (!fits) break;
    for (auto& [name, left] : free) left -= hold_in(share, name).total();
    admitted.push_back(pod.uid);
  }
  return admitted;
}

}  // namespace poolwright::reconcile

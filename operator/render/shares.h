// From what the server may see to what one pod may open, and from what a pod admits to what one instance may open.
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/connection_pool.h"

namespace poolwright::render {

/// Server connections that a pod may have open for one database.
struct PodHold {
  std::int32_t size = 0;
  std::int32_t reserve = 0;

  std::int32_t total() const { return size + reserve; }
  friend bool operator==(const PodHold&, const PodHold&) = default;
};
using PodHolds = std::map<std::string, PodHold>;  // by name of the database

/// Of each database the larger numbers.
PodHolds larger(const PodHolds& a, const PodHolds& b);

/// The value of kMayHoldAnnotation, {"orders":[12,2]}, and back; nothing where it is not one of ours.
std::string holds_text(const PodHolds& holds);
std::optional<PodHolds> read_holds(const std::string& text);

/// Limits of one database in one pod.
struct Shares {
  std::int32_t pool_size = 1;
  std::int32_t min_pool_size = 0;
  std::int32_t reserve_pool_size = 0;
  std::int32_t max_connections = 1;
};

/// Each total, less what is held back (above all, what pods that stop may still hold), divided by the pods that may run
/// at once, rounded down, so that the sum over the pods never passes the total. The size and the cap are at least 1: 0
/// means unlimited to PgBouncer.
Shares shares_of(const api::Database& database, std::int32_t size, std::int32_t pod_slots,
                 const PodHold& held_back = {});

/// Connections that a client of the pool gets beyond what the user asked for: the operator's console, exporters, a
/// person's psql, and the consoles of a rollout. Console logins count as clients.
inline constexpr std::int32_t kConsoleHeadroom = 10;

/// Clients that can count on being let in: what all pods but one admit, since one may be down or rolling.
std::int64_t admitted_clients(const api::Pgbouncer& pgbouncer);

/// Connections that each instance of an application may open, and what is wrong with them.
struct InstanceLimit {
  std::int32_t connection_limit = 5;
  std::string warning;  // "" where all fit
};

/// By the order of spec.databases. A given limit is taken as it is. Where it is to be derived and the instances are
/// known: what the pool admits, less the given ones, shared equally, at least 1; else 5.
/// `observed_instances`: by name of the database, where instancesFrom was read.
std::vector<InstanceLimit> instance_limits(const api::ConnectionPoolSpec& spec,
                                           const std::map<std::string, std::int32_t>& observed_instances);

}  // namespace poolwright::render

// What the sizing tells the reconciler about one pool. Thread rule: plain values, pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/connection_pool.h"
#include "api/status.h"
#include "render/shares.h"

namespace poolwright::reconcile {

/// What one database may have.
struct SizeAdvice {
  std::int32_t size = 1;  // sum over all pods
  /// The most connections that all pods together may be allowed, reserve pools and what stopping pods hold included.
  /// What needs more is not stored.
  std::int32_t approved = 0;
};

/// What status says about the sizing of one database.
struct SizingWords {
  std::optional<std::int32_t> recommended_size;
  std::string size_reason;
  std::optional<std::int32_t> utilization_percent;
  std::optional<std::int32_t> waiting_clients;
  std::optional<std::int32_t> budget_share;
};

struct SizingReport {
  std::map<std::string, SizingWords> databases;  // by name
  std::vector<api::Condition> conditions;        // BudgetExceeded, DatabaseSaturated, ...
};

struct PoolAdvice {
  /// Grows with each change of a size; tells which advice a pod was programmed with.
  std::int64_t serial = 0;
  std::map<std::string, SizeAdvice> sizes;  // by name of the database
  /// Absent: nothing is known yet that is worth telling; what the status says stays.
  std::optional<SizingReport> report;
  /// Why an approval is as small as it is, for a pool that cannot be rendered within it.
  std::string hold_reason;
  /// Connections could be closed where others need them, if PostgreSQL is seen to let the pool's users in: to be tried.
  bool check_logins = false;
};

/// Who shares the connections of one database.
struct Room {
  std::int32_t pods = 1;           // that run or will
  std::int32_t least = 1;          // connections that the pool cannot work without: one a pod, and one for a rollout
  render::PodHold stopping = {};   // what pods that stop may still hold
  std::vector<std::int32_t> live;  // what each pod that runs may hold until it was seen to hold less, reserve included
};

/// The most that all pods together may have: what is approved, and the size with its reserve.
std::int32_t allowed(const SizeAdvice& advice, const api::Database& database, const Room& room);

/// What to render: the size, and of it and its reserve what is not shared among the pods of the room.
struct Fit {
  std::int32_t size = 1;
  render::PodHold held_back;
};

/// The size to render: the advised one, or the largest below it that keeps to what is approved and to the spec's
/// maximum. No pod grows into what another one has not given back. Nothing where not even one connection a pod fits.
/// (One a pod is rendered as long as pods that stop are in the way: those that run have it already, new ones wait at
/// their gate.)
std::optional<Fit> fitting_size(const SizeAdvice& advice, const api::Database& database, const Room& room);

/// A condition that only the sizing sets.
bool is_sizing_condition(const std::string& type);

}  // namespace poolwright::reconcile

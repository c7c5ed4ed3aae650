#include "render/shares.h"

#include <algorithm>
#include <optional>

#include "api/object.h"
#include "render/hash.h"

namespace poolwright::render {

namespace {

constexpr std::int32_t kDefaultConnectionLimit = 5;
/// Far above any size; what is larger was not written by us.
constexpr std::uint64_t kHoldMax = 1'000'000;

std::optional<std::int32_t> instances_of(const api::Database& database,
                                         const std::map<std::string, std::int32_t>& observed) {
  std::optional<std::int32_t> instances = database.application.instances;
  const auto found = observed.find(database.name);
  if (!instances && found != observed.end()) instances = found->second;
  // An application that is scaled to nothing says nothing about how many there will be.
  if (instances.value_or(0) < 1) return std::nullopt;
  return instances;
}

/// What is left for the databases whose limit is derived, and among how many instances it is shared.
struct Remainder {
  std::int64_t clients = 0;
  std::int64_t instances = 0;
};

Remainder remainder_of(const api::ConnectionPoolSpec& spec, const std::map<std::string, std::int32_t>& observed) {
  Remainder remainder{.clients = admitted_clients(spec.pgbouncer), .instances = 0};
  for (const api::Database& database : spec.databases) {
    const std::int64_t instances = instances_of(database, observed).value_or(0);
    const auto& given = database.application.connection_limit;
    if (given) {
      remainder.clients -= instances * *given;
    } else {
      remainder.instances += instances;
    }
  }
  return remainder;
}

}  // namespace

PodHolds larger(const PodHolds& a, const PodHolds& b) {
  PodHolds holds = a;
  for (const auto& [name, hold] : b) {
    PodHold& most = holds[name];
    most = {.size = std::max(most.size, hold.size), .reserve = std::max(most.reserve, hold.reserve)};
  }
  return holds;
}

std::string holds_text(const PodHolds& holds) {
  api::Json object = api::Json::object();
  for (const auto& [name, hold] : holds) object[name] = {hold.size, hold.reserve};
  return canonical_json(object);
}

std::optional<PodHolds> read_holds(const std::string& text) {
  const api::Json object = api::Json::parse(text, nullptr, false);
  if (!object.is_object()) return std::nullopt;
  PodHolds holds;
  for (const auto& [name, numbers] : object.items()) {
    if (!numbers.is_array() || numbers.size() != 2) return std::nullopt;
    if (!numbers[0].is_number_unsigned() || !numbers[1].is_number_unsigned()) return std::nullopt;
    const auto size = numbers[0].get<std::uint64_t>();
    const auto reserve = numbers[1].get<std::uint64_t>();
    if (size > kHoldMax || reserve > kHoldMax) return std::nullopt;
    holds[name] = {.size = static_cast<std::int32_t>(size), .reserve = static_cast<std::int32_t>(reserve)};
  }
  return holds;
}

Shares shares_of(const api::Database& database, std::int32_t size, std::int32_t pod_slots, const PodHold& held_back) {
  const std::int32_t slots = std::max(1, pod_slots);
  Shares shares;
  shares.pool_size = std::max(1, (size - held_back.size) / slots);
  shares.min_pool_size = std::min(database.pool_size.min / slots, shares.pool_size);
  shares.reserve_pool_size = std::max(0, database.reserve_pool_size - held_back.reserve) / slots;
  shares.max_connections = std::max(1, (database.max_connections - held_back.size - held_back.reserve) / slots);
  return shares;
}

std::int64_t admitted_clients(const api::Pgbouncer& pgbouncer) {
  return std::int64_t{pgbouncer.max_client_connections} * std::max(1, pgbouncer.replicas - 1);
}

std::vector<InstanceLimit> instance_limits(const api::ConnectionPoolSpec& spec,
                                           const std::map<std::string, std::int32_t>& observed_instances) {
  const Remainder remainder = remainder_of(spec, observed_instances);
  std::vector<InstanceLimit> limits;
  std::int64_t wanted_clients = 0;
  for (const api::Database& database : spec.databases) {
    const auto instances = instances_of(database, observed_instances);
    std::int64_t limit = kDefaultConnectionLimit;
    if (database.application.connection_limit) {
      limit = *database.application.connection_limit;
    } else if (instances) {
      // 1000 is the largest limit that the resource may give, too.
      limit = std::clamp<std::int64_t>(remainder.clients / remainder.instances, 1, 1000);
    }
    wanted_clients += instances.value_or(0) * limit;
    limits.push_back({.connection_limit = static_cast<std::int32_t>(limit), .warning = ""});
  }
  const std::int64_t admitted = admitted_clients(spec.pgbouncer);
  if (wanted_clients <= admitted) return limits;
  for (std::size_t i = 0; i < limits.size(); ++i) {
    const auto instances = instances_of(spec.databases[i], observed_instances);
    if (!instances) continue;
    limits[i].warning =
        std::to_string(*instances) + " instances x " + std::to_string(limits[i].connection_limit) +
        " connections of database " + spec.databases[i].name + " are part of " + std::to_string(wanted_clients) +
        " clients, but the pool is sure to admit only " + std::to_string(admitted) +
        " (maxClientConnections of all pods but one): raise spec.pgbouncer.maxClientConnections or lower "
        "application.connectionLimit";
  }
  return limits;
}

}  // namespace poolwright::render

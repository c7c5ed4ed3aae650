// How a pool is reached and kept: Service, PodDisruptionBudget, NetworkPolicy. Inside the room only.
// Thread rule: pure functions over plain values.
#pragma once

#include "api/connection_pool.h"
#include "api/object.h"

namespace poolwright::render {

/// Name of the container's port, of the Service's port and of the container.
inline constexpr const char* kPortName = "pgbouncer";

api::Json service(const api::ConnectionPool& pool);
api::Json disruption_budget(const api::ConnectionPool& pool);
/// Lets only the pool's port in, from everywhere; what goes out is not restricted.
api::Json network_policy(const api::ConnectionPool& pool);

}  // namespace poolwright::render

// How a PostgreSQL server is called, so that all pools on it agree.
// Thread rule: pure functions.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "api/connection_pool.h"
#include "postgres/observation.h"

namespace poolwright::run {

/// Host and port of a pool's server in one spelling: lower case, without a final dot, a name without dots as the
/// Service of the pool's namespace that PgBouncer finds under it (on one machine there are no Services: as it is).
/// "orders-db.shop.svc:5432", "[fd00::1]:5432".
std::string server_name(const api::ConnectionPool& pool);
/// The same of "host:port" as a configuration of the pool names it.
std::string server_name(const api::ConnectionPool& pool, const std::string& address);

/// What was seen of servers, by server_name.
using ServerViews = std::map<std::string, std::shared_ptr<const postgres::ServerObservation>>;

/// The host under which another namespace finds the pool's server.
std::string host_from_anywhere(const api::ConnectionPool& pool);

}  // namespace poolwright::run

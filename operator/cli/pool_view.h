// What status, explain and top say about ConnectionPools, from their JSON as the API server has it. Anything that is
// missing or malformed is left out: the commands must work on what an older or newer operator wrote.
// Thread rule: pure functions.
#pragma once

#include <string>
#include <vector>

#include "api/object.h"
#include "base/clock.h"
#include "cli/table.h"

namespace poolwright::cli {

/// One line a pool.
std::string pools_text(const std::vector<api::Json>& pools, WallTime now, const Style& style);

/// Everything about one pool: summary, conditions, databases, pods.
std::string pool_text(const api::Json& pool, WallTime now, const Style& style);

/// Why each database has the size it has, and what would change it; "" as `database` for all.
std::string explain_text(const api::Json& pool, const std::string& database, const Style& style);
api::Json explain_json(const api::Json& pool, const std::string& database);

/// Databases of all pools, the busiest first.
std::string top_text(const std::vector<api::Json>& pools, const Style& style);
api::Json top_json(const std::vector<api::Json>& pools);

/// "5m", "3h", "12d": how long ago an RFC 3339 time was; "" where it is none.
std::string age_of(const std::string& time, WallTime now);

/// Without what nobody reads: managedFields, last-applied-configuration.
api::Json without_noise(api::Json object);

}  // namespace poolwright::cli

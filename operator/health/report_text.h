// The metrics block of a pool as a person would print it, and as one JSON object; the block at the start.
// Thread rule: pure functions.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "health/monitor.h"

namespace poolwright::health {

/// Several lines, the last one with its line end.
std::string metrics_block(const Report& report, const PoolStatistics& pool);
nlohmann::json metrics_block_json(const Report& report, const PoolStatistics& pool);

/// What was detected of a pool's configuration: through PgBouncer or direct, limits, timeouts.
std::string start_block(const PoolObservation& pool);
nlohmann::json start_block_json(const PoolObservation& pool);

}  // namespace poolwright::health

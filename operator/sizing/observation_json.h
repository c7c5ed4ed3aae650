// One line of an observation log: everything that one sizing decision of one server was made from, as JSON.
// Self-contained, so that a log can start anywhere. Numbers that were not to be had (NaN) are null. Keys that are left
// out have the defaults of the structs.
//
//   {"time": 12.0, "server": "db:5432", "begins": true, "budget": 80, "parameters": {"estimator": {...}, "guard":
//   {...}},
//    "pools": [{"id": "shop/orders/orders", "mode": "Auto", "min": 5, "max": 25, "initial": 25, "reserve": 0, "weight":
//    1,
//               "pods": 2, "size": 5, "leaked": 0, "policy": {"target_utilization": 0.7, ...},
//               "pod_inputs": [{"name": "orders-1", "ceiling": 5, "observation": {"time": 12.0, "pool_size": 5,
//                   "reserve": 0, "paused": false, "xact_count": 1, "xact_time": 2, "query_time": 2, "wait_time": 0,
//                   "sv_active": 1, "sv_idle": 0, ..., "cl_waiting": 0, "maxwait": 0}}]}]}
//
// Times are seconds, counters microseconds, as PgBouncer counts them.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "sizing/observation.h"

namespace poolwright::sizing {

struct ObservationRecord {
  std::string server;
  /// The first of a sizer that knew nothing yet: what stands before in a log was another process, or another term.
  bool begins = false;
  ServerInput input;
  Parameters parameters;
};

inline constexpr std::size_t kRecordBytesMax = 4U << 20U;
inline constexpr std::size_t kPoolsMax = 4096;
inline constexpr std::size_t kPodsMax = 1024;

/// One line without its end.
std::string to_json_line(const ObservationRecord& record);

/// kInvalid with the place and what is allowed, for anything that to_json_line could not have written.
Result<ObservationRecord> parse_json_line(std::string_view line);

}  // namespace poolwright::sizing

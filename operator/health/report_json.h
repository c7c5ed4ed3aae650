// The answers of the REST API as JSON (docs/api/openapi.yaml): what a report says, filtered. Numbers that are unknown
// are null. Thread rule: pure functions.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "health/monitor.h"

namespace poolwright::health {

/// Empty members let everything through.
struct Filter {
  std::string namespace_name;
  std::string pool;
  std::string database;
  std::optional<Severity> severity;  // exactly this one
};

nlohmann::json health_json(const Report& report, const Filter& filter);
nlohmann::json pool_json(const Report& report, const Filter& filter);
nlohmann::json alerts_json(const Report& report, const Filter& filter);
/// Servers with their budgets and shares. The filter's namespace and pool keep the servers that have a share of them.
nlohmann::json budgets_json(const Report& report, const Filter& filter);
nlohmann::json decisions_json(const Report& report, const Filter& filter);
/// The last hour of the databases that the filter lets through.
nlohmann::json history_json(const Report& report, const Filter& filter);

}  // namespace poolwright::health

// JSON of a ConnectionPool -> values with defaults, strictly: unknown fields, wrong types, numbers out of range and
// text that is not UTF-8 are errors, all of them at once. What the fields mean to each other is validate.h's. Thread
// rule: pure functions.
#pragma once

#include <optional>
#include <vector>

#include "api/connection_pool.h"
#include "api/field_error.h"
#include "api/object.h"
#include "api/validate.h"

namespace poolwright::api {

/// Either a pool or at least one error.
struct Parsed {
  std::optional<ConnectionPool> pool;
  std::vector<FieldError> errors;
};

/// Reads and checks each field by itself; `status` is not looked at.
Parsed parse_pool(const Json& object);

/// parse_pool and validate in one: every error of either, none twice.
Parsed check_pool(const Json& object, const ValidationPolicy& policy);

/// The resource as JSON with every default written out, without status; parse_pool reads it back to an equal value.
Json pool_json(const ConnectionPool& pool);

/// Whether the object is a ConnectionPool of any version of our group.
bool is_connection_pool(const Json& object);

}  // namespace poolwright::api

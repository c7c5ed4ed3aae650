// Reads the spec out of JSON: types and unknown fields. Bounds are checked on the values afterwards (bounds.h); only a
// number that no member could hold is refused here. Thread rule: pure functions.
#pragma once

#include <string>
#include <vector>

#include "api/connection_pool.h"
#include "api/field_error.h"
#include "api/object.h"

namespace poolwright::api {

/// Reads what can be read; a field with an error keeps its default.
ConnectionPoolSpec read_spec(const Json& spec, std::vector<FieldError>& errors);

}  // namespace poolwright::api

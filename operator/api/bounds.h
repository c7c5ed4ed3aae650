// Bounds and forms of single fields, as the schema of the CRD has them (fields.h); what fields mean to each other is
// checked in validate.cpp. Thread rule: pure functions.
#pragma once

#include <string>
#include <vector>

#include "api/connection_pool.h"
#include "api/field_error.h"
#include "api/fields.h"
#include "api/object.h"

namespace poolwright::api {

/// Appends an error for each field of the spec that is out of its bounds or not of its form.
void check_bounds(const ConnectionPoolSpec& spec, std::vector<FieldError>& errors);

/// "must be an integer from 1 to 10000".
std::string words_of(Range range);

/// What was found instead, for a message: a scalar itself, else "a list" or "an object".
std::string found(const Json& value);

}  // namespace poolwright::api

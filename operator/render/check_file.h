// A YAML text with ConnectionPools, judged as a whole: what `poolwright validate` prints and local mode refuses.
// Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "api/field_error.h"
#include "api/validate.h"

namespace poolwright::render {

struct CheckedFile {
  std::size_t pools = 0;                // ConnectionPools in it, good or not
  std::vector<api::FieldError> errors;  // with lines, in their order
};

/// The rules of the resource and the option table of PgBouncer.
CheckedFile check_file(std::string_view text, const api::ValidationPolicy& policy);

}  // namespace poolwright::render

// The members of the pod template that hold JSON of core/v1 types (tolerations, affinity): bounded in size and depth,
// without unknown top-level fields. Neither can give a pod more rights; the API server checks the rest of an affinity
// when the Deployment is applied. Thread rule: pure functions.
#pragma once

#include <string>
#include <vector>

#include "api/field_error.h"
#include "api/fields.h"

namespace poolwright::api {

/// Appends an error for each thing that is wrong with the JSON text.
void check_free_form(const std::string& json_text, FreeForm form, const std::string& path,
                     std::vector<FieldError>& errors);

}  // namespace poolwright::api

// What an apply would change in a stored object, for a person. Values of Secrets are never shown.
// Thread rule: pure functions.
#pragma once

#include <string>

#include "api/object.h"
#include "cli/table.h"

namespace poolwright::cli {

/// A line for each field of `wanted` that `stored` has not or has otherwise; texts of several lines as the lines that
/// go
/// (-) and come (+).
std::string difference_text(const api::Json& stored, const api::Json& wanted, const Style& style);

/// Lines that go and come, with none of those that stay; "" where the texts are equal.
std::string line_difference(const std::string& before, const std::string& after, const std::string& indent,
                            const Style& style);

}  // namespace poolwright::cli

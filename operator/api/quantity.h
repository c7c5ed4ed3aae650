// Kubernetes quantities ("100m", "1.5Gi"). Thread rule: pure functions.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

namespace poolwright::api {

/// The text that the API server would print for the quantity of a resource ("1000m" -> "1", "1.5Gi" -> "1536Mi",
/// rounded up to thousandths), so that an object which was read back equals the one that was applied. nullopt where it
/// is no quantity, negative, above 2^63-1 or longer than 32 characters.
std::optional<std::string> canonical_quantity(std::string_view text);

/// Order of two quantities; unordered where one of them is none.
std::partial_ordering compare_quantities(std::string_view left, std::string_view right);

}  // namespace poolwright::api

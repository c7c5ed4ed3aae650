// Reads the times that people and Kubernetes write. Thread rule: pure.
#pragma once

#include <optional>
#include <string_view>

#include "base/clock.h"

namespace poolwright {

/// What format_rfc3339 and format_rfc3339_micro write, and other offsets than Z: "2026-01-02T05:04:05+02:00". Nothing
/// for any other text.
std::optional<WallTime> parse_rfc3339(std::string_view text);

}  // namespace poolwright

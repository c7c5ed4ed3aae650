// What an unquoted YAML scalar means to kubectl, that is to the YAML 1.1 reader behind it: 0x1F is 31, 010 is 8, yes is
// true, 1_000 is 1000. Thread rule: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/object.h"

namespace poolwright::api {

/// nullopt for what JSON cannot hold: infinities and not-a-number.
std::optional<Json> resolve_scalar(std::string_view text);

}  // namespace poolwright::api

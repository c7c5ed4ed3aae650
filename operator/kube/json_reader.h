// Parses what the API server sent, within limits: text of any length up to the transport's bounds, but not of any
// depth. Thread rule: pure.
#pragma once

#include <string_view>

#include "api/object.h"
#include "base/result.h"

namespace poolwright::kube {

/// Deeper nesting is refused: whoever walks such a value recursively would run out of stack.
inline constexpr int kJsonDepthMax = 128;

/// Protocol where `text` is no JSON, or too deep. The message does not quote the text: it could hold a Secret.
Result<api::Json> read_json(std::string_view text);

}  // namespace poolwright::kube

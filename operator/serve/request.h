// A request after the protocol was dealt with, and the answer before it is.
// One canonical path decides both what somebody may read and what they get: a target that could be read in two ways
// (escapes, empty or dotted segments, backslashes) is refused instead of being cleaned.
// Thread rule: plain values and pure functions.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace poolwright::serve {

inline constexpr std::size_t kTargetBytesMax = 2048;
inline constexpr std::size_t kParametersMax = 8;

/// "/api/x?a=b" taken apart. The values of the parameters are decoded.
struct Target {
  std::string path;
  std::map<std::string, std::string> parameters;
};

/// Error kInvalid with what is allowed.
Result<Target> parse_target(std::string_view text);

struct Answer {
  int status = 200;
  std::string content_type = "application/json";
  std::shared_ptr<const std::string> body = std::make_shared<const std::string>();
  std::map<std::string, std::string> headers;  // besides the usual ones
};

/// {"error": {"code", "reason", "message"}}. The status must be one of a refusal.
Answer refusal(int status, std::string_view message);

}  // namespace poolwright::serve

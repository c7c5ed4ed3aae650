#include "base/error.h"

#include <array>
#include <utility>

namespace poolwright {

std::string_view to_string(ErrorKind kind) {
  static constexpr std::array<std::string_view, 13> kNames = {
      "NotFound",     "AlreadyExists", "Conflict", "Gone",     "Throttled", "Unavailable", "DeadlineExceeded",
      "Unauthorized", "Forbidden",     "Invalid",  "Protocol", "Cancelled", "Internal"};
  return kNames.at(static_cast<std::size_t>(kind));
}

std::string describe(const Error& error) { return error.message + " [" + std::string(to_string(error.kind)) + "]"; }

Error with_context(Error error, std::string_view context) {
  error.message = std::string(context) + ": " + error.message;
  return error;
}

}  // namespace poolwright

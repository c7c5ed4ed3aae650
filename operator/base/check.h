// Assertion for our own bugs, always on. Never used on bytes from the network, the disk or a user: those are
// handled and reported as Error.
#pragma once

#include <source_location>
#include <string_view>

namespace poolwright {

/// Prints the broken condition and where it stands to stderr, then aborts.
[[noreturn]] void check_failed(std::string_view condition,
                               std::source_location where = std::source_location::current());

}  // namespace poolwright

#define PW_CHECK(condition) \
  (static_cast<bool>(condition) ? static_cast<void>(0) : ::poolwright::check_failed(#condition))

// What libpq and the servers behind it say, as an ErrorKind. Private to the rooms that use libpq. Pure.
#pragma once

#include <string_view>

#include "base/error.h"

namespace poolwright::postgres {

/// A connect that failed, by libpq's text: kUnauthorized, kProtocol or kUnavailable.
ErrorKind connect_error_kind(std::string_view text);

/// A query that failed. `sqlstate` is empty where libpq itself reports the failure (lost, or nonsense received).
ErrorKind query_error_kind(std::string_view sqlstate, std::string_view text);

}  // namespace poolwright::postgres

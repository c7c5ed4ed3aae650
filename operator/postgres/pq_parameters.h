// A target as the keywords and values of PQconnectStartParams. Private to the rooms that use libpq. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "postgres/target.h"

namespace poolwright::postgres {

/// Keywords and values side by side. Never a conninfo string, in which a value could smuggle keywords. Holds the
/// password: keep it no longer than the call. Empty values stand for libpq's defaults.
struct PqParameters {
  std::vector<const char*> keywords;
  std::vector<std::string> values;
};

/// kInvalid where an address is not numeric or the host name has a comma (libpq would read a list).
Result<PqParameters> pq_parameters(const Target& target);

/// "10.0.0.7:6432", for errors and logs.
std::string endpoint_of(const Target& target);

}  // namespace poolwright::postgres

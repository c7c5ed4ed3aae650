// Observations of an installation that does not exist: any number of pools whose load rises and falls, each in its own
// rhythm. The same time gives the same observations.
#pragma once

#include <cstdint>

#include "health/observations.h"

namespace poolwright::serve {

/// `unix_s` decides what is seen; `now` is the clock's time of it.
health::Observations synthetic_observations(int pools, std::int64_t unix_s, MonotonicTime now);

}  // namespace poolwright::serve

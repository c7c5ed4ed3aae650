// A thread that has nothing to do for a moment. Thread rule: any thread that may block.
#pragma once

#include <stop_token>

#include "base/clock.h"

namespace poolwright {

/// Blocks for `duration`, or until asked to stop.
void rest(Duration duration, const std::stop_token& stop);

}  // namespace poolwright

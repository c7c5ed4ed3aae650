// The one place that decides about retries: error kind -> what to do, and after how long.
#pragma once

#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"

namespace poolwright {

enum class RetryClass {
  kBackoff,    // try again after an exponential delay with jitter
  kWait,       // try again after the time that the other side named
  kRecompute,  // read again and decide anew, at once
  kReload,     // reload credentials, try once, then back off
  kNever,      // no retry helps: report it, look again only slowly
  kStop,       // we were asked to stop
};

/// What an error of this kind asks for.
RetryClass retry_class(ErrorKind kind);

/// Bounds of an exponential delay.
struct Backoff {
  Duration first{5};
  Duration cap{1'000'000};
};

/// Delay before try number `failures` + 1 (failures >= 1): first * 2^(failures-1), at most cap, with up to half of it
/// taken away at random, so that many who failed together do not come back together.
Duration backoff_delay(const Backoff& backoff, int failures, Random& random);

/// Delay before an object whose reconcile failed is looked at again. Uses error.retry_after where it is given (at most
/// 60 s), slow (5 min) where no retry helps, exponential otherwise.
Duration requeue_delay(const Error& error, int failures, Random& random);

}  // namespace poolwright

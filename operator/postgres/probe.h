// Is a server there, does it let us in, and how fast does it answer: connect, SELECT 1, close.
#pragma once

#include <chrono>

#include "base/deadline.h"
#include "base/result.h"
#include "postgres/io_thread.h"
#include "postgres/observer.h"

namespace poolwright::postgres {

struct ProbeResult {
  std::chrono::microseconds connect_time{0};   // login included, name lookup not
  std::chrono::microseconds response_time{0};  // of SELECT 1
  int version = 0;                             // 150006
};

/// Blocks; for workers, never on the I/O thread. Errors: those of PqConnection, kUnavailable for a name that cannot be
/// resolved, kCancelled when asked to stop.
Result<ProbeResult> probe(IoThread& thread, const Clock& clock, const ServerAddress& address, const CallLimits& limits);

}  // namespace poolwright::postgres

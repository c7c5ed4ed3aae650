// The ConnectGate with a clock and a timer: owners ask for a turn and are called when it comes.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "base/clock.h"
#include "postgres/io_thread.h"
#include "postgres/schedule.h"
#include "postgres/timer.h"

namespace poolwright::postgres {

/// Thread rule: I/O thread only.
class ConnectQueue {
 public:
  ConnectQueue(IoThread& thread, const Clock& clock, ConnectLimits limits);

  /// `turn` is called, once and not from within this call, when `name` may connect; finished() must follow.
  void request(const std::string& name, std::function<void()> turn);
  /// `turn` is not called any more; no finished() then.
  void withdraw(const std::string& name);
  void finished();

 private:
  void schedule();
  void admit();

  const Clock& clock_;
  ConnectGate gate_;
  std::map<std::string, std::function<void()>> turns_;
  Timer timer_;
};

}  // namespace poolwright::postgres

// One timer of the I/O thread.
#pragma once

#include <functional>
#include <memory>

#include "base/clock.h"
#include "postgres/io_thread.h"

namespace poolwright::postgres {

/// Thread rule: I/O thread only.
class Timer {
 public:
  explicit Timer(IoThread& thread);
  /// cancel().
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  /// Calls `done` once after `delay`, never from within this call. A timer that runs is started anew.
  void start(Duration delay, std::function<void()> done);
  /// `done` is not called any more once this has returned.
  void cancel();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace poolwright::postgres

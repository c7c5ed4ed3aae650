// The one thread that owns every libpq connection: sockets, timers and callbacks run here and nowhere else.
// Nothing that runs on it may block.
#pragma once

#include <functional>
#include <memory>

namespace boost::asio {
class io_context;
}

namespace poolwright::postgres {

/// Thread rule: post may be called from any thread; the rest of the rooms' I/O classes belong to this thread.
/// Everything that uses the thread must be closed before it is destroyed.
class IoThread {
 public:
  IoThread();
  /// stop().
  ~IoThread();
  IoThread(const IoThread&) = delete;
  IoThread& operator=(const IoThread&) = delete;

  /// Runs `work` on the thread, in order. After stop() it is dropped.
  void post(std::function<void()> work);

  /// Runs `work` on the thread and returns when it is done; at once when called on the thread itself.
  /// After stop() `work` runs on the calling thread: nothing else touches the state then.
  void run_and_wait(const std::function<void()>& work);

  /// Ends the thread and joins it; work that has not started is dropped. Not to be called on the thread.
  void stop();

  bool is_current() const;
  boost::asio::io_context& context();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace poolwright::postgres

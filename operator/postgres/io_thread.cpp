#include "postgres/io_thread.h"

#include <utility>
// Boost.Asio 1.74 needs <utility> before it.
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <exception>
#include <future>
#include <thread>

#include "base/check.h"
#include "base/log.h"
#include "base/mutex.h"

namespace poolwright::postgres {

namespace asio = boost::asio;

struct IoThread::State {
  // One thread runs it: no locks between handlers are needed.
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> guard{context.get_executor()};
  Mutex mutex;
  bool is_stopped PW_GUARDED_BY(mutex) = false;
  std::thread thread;

  void run() {
    for (;;) {
      try {
        context.run();
        return;
      } catch (const std::exception& exception) {
        // The barrier of this thread: one connection's bug must not end the polling of all the others.
        log_error("io_handler_failed", {{"cause", exception.what()}});
      }
    }
  }
};

IoThread::IoThread() : state_(std::make_unique<State>()) {
  state_->thread = std::thread([state = state_.get()] { state->run(); });
}

IoThread::~IoThread() { stop(); }

void IoThread::post(std::function<void()> work) { asio::post(state_->context, std::move(work)); }

void IoThread::run_and_wait(const std::function<void()>& work) {
  if (is_current()) return work();
  auto finished = std::make_shared<std::promise<void>>();
  std::future<void> future = finished->get_future();
  {
    // Under the lock, so that the work is queued before stop() or is run here after it.
    MutexLock lock(state_->mutex);
    if (!state_->is_stopped) {
      asio::post(state_->context, [&work, finished] {
        work();
        finished->set_value();
      });
    } else {
      finished.reset();
    }
  }
  if (!finished) return work();
  finished.reset();
  future.wait();
}

void IoThread::stop() {
  PW_CHECK(!is_current());
  {
    MutexLock lock(state_->mutex);
    if (state_->is_stopped) return;
    state_->is_stopped = true;
    // Behind everything that was posted under the lock, so nobody in run_and_wait is left waiting.
    asio::post(state_->context, [state = state_.get()] { state->context.stop(); });
  }
  state_->thread.join();
}

bool IoThread::is_current() const { return std::this_thread::get_id() == state_->thread.get_id(); }

boost::asio::io_context& IoThread::context() { return state_->context; }

}  // namespace poolwright::postgres

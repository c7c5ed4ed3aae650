#include "postgres/timer.h"

#include <utility>
// Boost.Asio 1.74 needs <utility> before it.
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

namespace poolwright::postgres {

struct Timer::State {
  explicit State(IoThread& thread) : timer(thread.context()) {}

  boost::asio::steady_timer timer;
  // A handler that is queued already cannot be taken back: it runs and finds that it is no longer the current one.
  std::uint64_t generation = 0;
};

Timer::Timer(IoThread& thread) : state_(std::make_shared<State>(thread)) {}

Timer::~Timer() { cancel(); }

void Timer::start(Duration delay, std::function<void()> done) {
  const std::uint64_t generation = ++state_->generation;
  state_->timer.expires_after(std::max(delay, Duration{0}));
  state_->timer.async_wait([state = std::weak_ptr<State>(state_), generation,
                            done = std::move(done)](const boost::system::error_code& /*cancelled*/) {
    const auto alive = state.lock();
    if (alive && alive->generation == generation) done();
  });
}

void Timer::cancel() {
  ++state_->generation;
  state_->timer.cancel();
}

}  // namespace poolwright::postgres

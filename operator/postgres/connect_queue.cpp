#include "postgres/connect_queue.h"

#include <utility>

namespace poolwright::postgres {

ConnectQueue::ConnectQueue(IoThread& thread, const Clock& clock, ConnectLimits limits)
    : clock_(clock), gate_(limits), timer_(thread) {}

void ConnectQueue::request(const std::string& name, std::function<void()> turn) {
  turns_[name] = std::move(turn);
  gate_.request(name);
  schedule();
}

void ConnectQueue::withdraw(const std::string& name) {
  turns_.erase(name);
  gate_.withdraw(name);
}

void ConnectQueue::finished() {
  gate_.finished();
  schedule();
}

void ConnectQueue::schedule() {
  const auto turn = gate_.next_turn();
  if (!turn) return timer_.cancel();
  // Rounded up: a timer that ends a moment too early would spin.
  const auto left = std::chrono::ceil<Duration>(*turn - clock_.now());
  timer_.start(left, [this] { admit(); });
}

void ConnectQueue::admit() {
  while (const auto name = gate_.admit(clock_.now())) {
    const auto turn = turns_.extract(*name);
    turn.mapped()();
  }
  schedule();
}

}  // namespace poolwright::postgres

#include "postgres/schedule.h"

#include <algorithm>

#include "base/check.h"

namespace poolwright::postgres {

void ConnectGate::request(const std::string& name) {
  if (std::find(waiting_.begin(), waiting_.end(), name) == waiting_.end()) waiting_.push_back(name);
}

void ConnectGate::withdraw(const std::string& name) { std::erase(waiting_, name); }

std::optional<std::string> ConnectGate::admit(MonotonicTime now) {
  if (waiting_.empty() || connecting_ >= limits_.concurrent_max || now < not_before_) return std::nullopt;
  std::string name = std::move(waiting_.front());
  waiting_.pop_front();
  ++connecting_;
  not_before_ = now + limits_.spacing;
  return name;
}

void ConnectGate::finished() {
  PW_CHECK(connecting_ > 0);
  --connecting_;
}

std::optional<MonotonicTime> ConnectGate::next_turn() const {
  if (waiting_.empty() || connecting_ >= limits_.concurrent_max) return std::nullopt;
  return not_before_;
}

MonotonicTime next_due(MonotonicTime due, MonotonicTime now, Duration interval) {
  return std::max(due + interval, now);
}

}  // namespace poolwright::postgres

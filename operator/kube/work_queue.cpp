#include "kube/work_queue.h"

#include <algorithm>

#include "base/check.h"

namespace poolwright::kube {

namespace {

/// A wait is cut into pieces of this length at most, since the clock need not be the one that the wait goes by.
constexpr Duration kWaitMax = std::chrono::seconds{10};

}  // namespace

void WorkQueue::add(const WorkKey& key) {
  const MutexLock lock(mutex_);
  add_locked(key);
}

void WorkQueue::add_locked(const WorkKey& key) {
  if (is_shut_down_) return;
  cancel_delay(key);
  if (!dirty_.insert(key).second) return;
  if (taken_.contains(key)) return;  // done() puts it back in line
  order_.push_back(key);
  changed_.notify_one();
}

void WorkQueue::add_after(const WorkKey& key, Duration delay) {
  const MutexLock lock(mutex_);
  delay_locked(key, delay);
}

void WorkQueue::delay_locked(const WorkKey& key, Duration delay) {
  if (delay <= Duration{0}) {
    add_locked(key);
    return;
  }
  if (is_shut_down_) return;
  if (dirty_.contains(key)) return;  // is looked at earlier anyway
  const MonotonicTime due = clock_.now() + delay;
  const auto known = due_.find(key);
  if (known != due_.end() && known->second <= due) return;
  cancel_delay(key);
  due_[key] = due;
  timeline_.emplace(due, key);
  changed_.notify_one();
}

void WorkQueue::cancel_delay(const WorkKey& key) {
  const auto known = due_.find(key);
  if (known == due_.end()) return;
  timeline_.erase({known->second, key});
  due_.erase(known);
}

int WorkQueue::fail_locked(const WorkKey& key) {
  constexpr int kFailuresMax = 1000;  // far beyond the cap of the delay
  int& count = failures_[key];
  count = std::min(count + 1, kFailuresMax);
  return count;
}

Duration WorkQueue::add_failed(const WorkKey& key) {
  const MutexLock lock(mutex_);
  const Duration delay = backoff_delay(backoff_, fail_locked(key), random_);
  delay_locked(key, delay);
  return delay;
}

Duration WorkQueue::add_failed(const WorkKey& key, const Error& error) {
  const MutexLock lock(mutex_);
  const Duration delay = requeue_delay(error, fail_locked(key), random_);
  delay_locked(key, delay);
  return delay;
}

void WorkQueue::forget(const WorkKey& key) {
  const MutexLock lock(mutex_);
  failures_.erase(key);
}

int WorkQueue::failures(const WorkKey& key) const {
  const MutexLock lock(mutex_);
  const auto found = failures_.find(key);
  return found == failures_.end() ? 0 : found->second;
}

void WorkQueue::release_due() {
  const MonotonicTime now = clock_.now();
  while (!timeline_.empty() && timeline_.begin()->first <= now) {
    const WorkKey key = timeline_.begin()->second;
    add_locked(key);  // takes it off the timeline
  }
}

std::optional<WorkKey> WorkQueue::take_locked() {
  if (is_shut_down_) return std::nullopt;
  release_due();
  if (order_.empty()) return std::nullopt;
  WorkKey key = std::move(order_.front());
  order_.pop_front();
  dirty_.erase(key);
  taken_.insert(key);
  return key;
}

std::optional<WorkKey> WorkQueue::try_take() {
  const MutexLock lock(mutex_);
  return take_locked();
}

std::optional<WorkKey> WorkQueue::take(const std::stop_token& stop) {
  const MutexLock lock(mutex_);
  while (!is_shut_down_ && !stop.stop_requested()) {
    if (auto key = take_locked()) return key;
    const MonotonicTime seen_due = timeline_.empty() ? MonotonicTime::max() : timeline_.begin()->first;
    // One millisecond more than is left, so that a rounded-down wait does not come back too early, again and again.
    const Duration left = seen_due == MonotonicTime::max()
                              ? kWaitMax
                              : std::chrono::duration_cast<Duration>(seen_due - clock_.now()) + Duration{1};
    changed_.wait_for(mutex_, stop, std::clamp(left, Duration{1}, kWaitMax), [&]() PW_REQUIRES(mutex_) {
      return is_shut_down_ || !order_.empty() || (!timeline_.empty() && timeline_.begin()->first < seen_due);
    });
  }
  return std::nullopt;
}

void WorkQueue::done(const WorkKey& key) {
  const MutexLock lock(mutex_);
  PW_CHECK(taken_.erase(key) == 1);
  if (dirty_.contains(key) && !is_shut_down_) order_.push_back(key);
  changed_.notify_all();
}

std::optional<MonotonicTime> WorkQueue::next_due() const {
  const MutexLock lock(mutex_);
  if (timeline_.empty()) return std::nullopt;
  return timeline_.begin()->first;
}

void WorkQueue::shut_down() {
  const MutexLock lock(mutex_);
  is_shut_down_ = true;
  order_.clear();
  dirty_.clear();
  due_.clear();
  timeline_.clear();
  changed_.notify_all();
}

bool WorkQueue::await_drained(const CallLimits& limits) const {
  const MutexLock lock(mutex_);
  const auto drained = [&]() PW_REQUIRES(mutex_) { return taken_.empty(); };
  changed_.wait_for(mutex_, limits.stop, limits.deadline.left(), drained);
  return taken_.empty();
}

std::size_t WorkQueue::waiting() const {
  const MutexLock lock(mutex_);
  return order_.size();
}

std::size_t WorkQueue::delayed() const {
  const MutexLock lock(mutex_);
  return timeline_.size();
}

std::size_t WorkQueue::taken() const {
  const MutexLock lock(mutex_);
  return taken_.size();
}

}  // namespace poolwright::kube

#include "kube/work_queue.h"

#include <algorithm>

#include "base/check.h"

namespace poolwright::kube {

namespace {

/// A wait is cut into pieces of this length at most, since the clock need not be the one that the wait goes by.
constexpr Duration kWaitMax = std::chrono::seconds{10};

double seconds(MonotonicTime since, MonotonicTime now) { return std::chrono::duration<double>(now - since).count(); }

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
  put_in_line(key);
  changed_.notify_one();
}

void WorkQueue::put_in_line(const WorkKey& key) {
  order_.push_back(key);
  in_line_since_.emplace(key, clock_.now());
  ++counts_.adds;
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
  ++counts_.retries;
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
  const MonotonicTime now = clock_.now();
  taken_since_.insert_or_assign(key, now);
  if (const auto since = in_line_since_.extract(key)) observe(counts_.waited_s, seconds(since.mapped(), now));
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
  if (const auto since = taken_since_.extract(key)) observe(counts_.worked_s, seconds(since.mapped(), clock_.now()));
  if (dirty_.contains(key) && !is_shut_down_) put_in_line(key);
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
  in_line_since_.clear();
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

WorkQueueCounts WorkQueue::counts() const {
  const MutexLock lock(mutex_);
  WorkQueueCounts counts = counts_;
  counts.depth = order_.size();
  const MonotonicTime now = clock_.now();
  for (const auto& [key, since] : taken_since_) {
    counts.unfinished_s += seconds(since, now);
    counts.longest_running_s = std::max(counts.longest_running_s, seconds(since, now));
  }
  return counts;
}

std::size_t WorkQueue::taken() const {
  const MutexLock lock(mutex_);
  return taken_.size();
}

}  // namespace poolwright::kube

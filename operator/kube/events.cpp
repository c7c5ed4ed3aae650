#include "kube/events.h"

#include <exception>

#include "base/log.h"
#include "kube/event_aggregator.h"

namespace poolwright::kube {

namespace {

constexpr Duration kSendMax = std::chrono::seconds{5};
constexpr Duration kFlushPeriod = std::chrono::seconds{10};

}  // namespace

EventRecorder::EventRecorder(Parts parts)
    : parts_(std::move(parts)), aggregator_(std::make_unique<EventAggregator>(parts_.clock, parts_.instance)) {}

EventRecorder::~EventRecorder() { stop(); }

void EventRecorder::note(const api::EventNote& event) {
  const MutexLock lock(mutex_);
  auto next = aggregator_->note(event);
  if (!next) return;
  if (outbox_.size() >= kQueueMax) {
    ++counts_.dropped;
    return;
  }
  outbox_.push_back(std::move(*next));
  changed_.notify_one();
}

EventCounts EventRecorder::counts() const {
  const MutexLock lock(mutex_);
  EventCounts counts = counts_;
  counts.dropped += aggregator_->dropped();
  return counts;
}

void EventRecorder::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void EventRecorder::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

void EventRecorder::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    {
      const MutexLock lock(mutex_);
      changed_.wait_for(mutex_, stop, kFlushPeriod, [&]() PW_REQUIRES(mutex_) { return !outbox_.empty(); });
    }
    try {
      flush(stop);
    } catch (const std::exception& error) {
      log_error("events_failed", {{"cause", error.what()}});
    }
  }
}

std::size_t EventRecorder::flush(const std::stop_token& stop) {
  std::vector<api::Json> events;
  {
    const MutexLock lock(mutex_);
    events = std::exchange(outbox_, {});
    for (api::Json& repeat : aggregator_->take_due()) events.push_back(std::move(repeat));
  }
  EventCounts now;
  for (const api::Json& event : events) {
    if (stop.stop_requested()) break;
    const auto limits = parts_.gate.admit({Deadline(parts_.clock, kSendMax), stop});
    if (!limits) {
      ++now.dropped;
      continue;
    }
    const auto stored = parts_.client.apply(event, *limits);
    ++(stored ? now.sent : now.failed);
    if (!stored) log_debug("event_not_sent", {{"cause", stored.error().message}});
  }
  const MutexLock lock(mutex_);
  counts_.sent += now.sent;
  counts_.dropped += now.dropped;
  counts_.failed += now.failed;
  return now.sent;
}

}  // namespace poolwright::kube

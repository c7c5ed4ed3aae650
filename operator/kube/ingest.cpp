#include "kube/ingest.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "base/log.h"

namespace poolwright::kube {

namespace {

/// A watch that a reader cannot follow for this much is cut and listed again.
constexpr std::size_t kWatchBacklogMax = std::size_t{8} * 1024 * 1024;

}  // namespace

/// Wakes the thread that turns. Streams keep it, so that a late one has something to ring.
class Ingest::Wakeup {
 public:
  void ring() {
    const MutexLock lock(mutex_);
    is_rung_ = true;
    rung_.notify_one();
  }
  void wait(Duration time, const std::stop_token& stop) {
    const MutexLock lock(mutex_);
    rung_.wait_for(mutex_, stop, time, [&]() PW_REQUIRES(mutex_) { return is_rung_; });
    is_rung_ = false;
  }

 private:
  Mutex mutex_;
  ConditionVariable rung_;
  bool is_rung_ PW_GUARDED_BY(mutex_) = false;
};

Ingest::Ingest(IngestParts parts)
    : parts_(std::move(parts)), wakeup_(std::make_shared<Wakeup>()), pulse_(parts_.clock) {}

Ingest::~Ingest() { stop(); }

void Ingest::add(const Selection& selection) {
  {
    const MutexLock lock(mutex_);
    if (!wanted_.contains(selection) && wanted_.size() >= kSelectionsMax) {
      log_error("too_many_watches", {{"selection", to_string(selection)}});
      return;
    }
    wanted_.insert(selection);
  }
  wakeup_->ring();
}

void Ingest::remove(const Selection& selection) {
  {
    const MutexLock lock(mutex_);
    wanted_.erase(selection);
    synced_.erase(selection);
    synced_changed_.notify_all();
  }
  wakeup_->ring();
}

bool Ingest::is_synced() const {
  const MutexLock lock(mutex_);
  return synced_.size() == wanted_.size();
}

bool Ingest::is_synced(const Selection& selection) const {
  const MutexLock lock(mutex_);
  return synced_.contains(selection);
}

bool Ingest::await_synced(const CallLimits& limits) const {
  const MutexLock lock(mutex_);
  const auto synced = [&]() PW_REQUIRES(mutex_) { return synced_.size() == wanted_.size(); };
  synced_changed_.wait_for(mutex_, limits.stop, limits.deadline.left(), synced);
  return synced_.size() == wanted_.size();
}

IngestCounts Ingest::counts() const {
  const MutexLock lock(mutex_);
  IngestCounts counts = counts_;
  counts.selections = wanted_.size();
  counts.unsynced = wanted_.size() - synced_.size();
  return counts;
}

void Ingest::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Ingest::stop() {
  if (thread_.joinable()) {
    thread_.request_stop();
    wakeup_->ring();
    thread_.join();
  }
  watches_.clear();
  probe_channel_.close();
}

void Ingest::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    Duration until_due{0};
    pulse_.beat();
    try {
      until_due = turn();
    } catch (const std::exception& error) {
      log_error("ingest_failed", {{"cause", error.what()}});
      until_due = kTurnMax;
    }
    wakeup_->wait(until_due, stop);
  }
}

Duration Ingest::turn() {
  take_orders();
  for (auto& [selection, watch] : watches_) advance(*watch);
  probe_liveness();

  const MonotonicTime now = parts_.clock.now();
  MonotonicTime due = now + kTurnMax;
  if (!watches_.empty()) due = std::min(due, probe_.wake_at());
  for (const auto& [selection, watch] : watches_) {
    const bool waits_for_its_turn = watch->machine.wants_list() && lists_in_flight_ >= kListsInFlightMax;
    if (!waits_for_its_turn) due = std::min(due, watch->machine.wake_at());
  }
  return std::max(Duration{0}, std::chrono::ceil<Duration>(due - now));
}

void Ingest::take_orders() {
  std::set<Selection> wanted;
  {
    const MutexLock lock(mutex_);
    wanted = wanted_;
    // Removed and added again before this thread noticed: the watch goes on as it was.
    for (const auto& [selection, watch] : watches_) {
      if (watch->machine.is_synced() && wanted.contains(selection)) synced_.insert(selection);
    }
    synced_changed_.notify_all();
  }
  for (auto watch = watches_.begin(); watch != watches_.end();) {
    if (wanted.contains(watch->first)) {
      ++watch;
      continue;
    }
    const Selection selection = watch->first;
    if (watch->second->is_listing) --lists_in_flight_;
    watch = watches_.erase(watch);
    publish(selection, parts_.cache.forget(selection));
  }
  for (const Selection& selection : wanted) {
    auto& watch = watches_[selection];
    if (watch == nullptr) watch = std::make_unique<Watch>(selection, parts_.random);
  }
}

void Ingest::advance(Watch& watch) {
  take_arrivals(watch);
  if (watch.channel.is_open() && watch.machine.is_overdue(parts_.clock.now())) {
    end_stream(watch, make_error(ErrorKind::kDeadlineExceeded, "watch " + to_string(watch.machine.selection()) +
                                                                   ": nothing was heard, not even a bookmark"));
  }
  // A list that ended with a last page goes on with its watch at once, and with the next page where there is one.
  open_stream(watch);
  carry_out(watch);
}

void Ingest::take_arrivals(Watch& watch) {
  if (!watch.channel.is_open()) return;
  const Arrivals arrivals = watch.channel.inbox->take();
  const MonotonicTime now = parts_.clock.now();
  if (arrivals.status) watch.machine.on_status(*arrivals.status, arrivals.retry_after, now);
  for (const std::string& line : arrivals.lines) {
    if (watch.machine.on_line(line, now)) continue;
    end_stream(watch, ok());
    return;
  }
  if (arrivals.end) end_stream(watch, *arrivals.end);
}

void Ingest::end_stream(Watch& watch, const Status& status) {
  watch.channel.close();
  if (std::exchange(watch.is_listing, false)) --lists_in_flight_;
  watch.machine.on_end(status, parts_.clock.now());
}

void Ingest::open_stream(Watch& watch) {
  if (watch.channel.is_open()) return;
  const bool is_list = watch.machine.wants_list();
  if (is_list && lists_in_flight_ >= kListsInFlightMax) return;
  const auto request = watch.machine.next(parts_.clock.now());
  if (!request) return;
  watch.is_listing = is_list;
  if (is_list) ++lists_in_flight_;
  {
    const MutexLock lock(mutex_);
    ++(is_list ? counts_.lists : counts_.watches);
  }
  watch.channel = open_channel(*request, is_list ? kResponseBytesMax : kWatchBacklogMax);
}

Ingest::Channel Ingest::open_channel(const Request& request, std::size_t bytes_max) {
  Channel channel;
  channel.inbox = std::make_shared<StreamInbox>(bytes_max, [wakeup = wakeup_] { wakeup->ring(); });
  channel.stream = parts_.transport.open(request, channel.inbox);
  return channel;
}

void Ingest::carry_out(Watch& watch) {
  for (WatchOutput& output : watch.machine.take_outputs()) carry_out(watch.machine.selection(), std::move(output));
  if (const auto failure = watch.machine.take_failure()) report_failure(*failure);
}

void Ingest::carry_out(const Selection& selection, WatchOutput output) {
  switch (output.type) {
    case WatchOutput::Type::kRelistBegun:
      break;  // the old objects stay readable until the new ones are complete
    case WatchOutput::Type::kRelistDone:
      publish(selection, parts_.cache.replace(selection, std::move(output.objects), output.version));
      mark_synced(selection);
      break;
    case WatchOutput::Type::kChanged:
      publish(selection, {parts_.cache.update(selection, std::move(output.object))});
      break;
    case WatchOutput::Type::kDeleted:
      publish(selection, {parts_.cache.remove(selection, *output.object)});
      break;
    case WatchOutput::Type::kAdvanced:
      parts_.cache.advance(selection, output.version);
      break;
  }
}

void Ingest::report_failure(const Error& error) {
  {
    const MutexLock lock(mutex_);
    ++counts_.failures;
  }
  log_info("watch_interrupted", {{"cause", describe(error)}});
  if (error.kind == ErrorKind::kUnauthorized) parts_.transport.renew();
}

void Ingest::publish(const Selection& selection, const std::vector<ObjectChange>& changes) {
  {
    const MutexLock lock(mutex_);
    counts_.events += changes.size();
  }
  for (const ObjectChange& change : changes) parts_.on_change(selection, change);
}

void Ingest::mark_synced(const Selection& selection) {
  const MutexLock lock(mutex_);
  if (wanted_.contains(selection)) synced_.insert(selection);
  synced_changed_.notify_all();
}

void Ingest::probe_liveness() {
  if (probe_channel_.is_open()) {
    const Arrivals arrivals = probe_channel_.inbox->take();
    const bool is_late = parts_.clock.now() >= probe_.wake_at();
    if (!arrivals.status && !arrivals.end && !is_late) return;
    probe_channel_.close();
    probe_.on_end(arrivals.status.has_value());
  }
  if (probe_.take_verdict_dead()) {
    log_warning("api_server_silent", {{"failures", LivenessProbe::kFailuresMax}});
    parts_.transport.renew();
    for (auto& [selection, watch] : watches_) {
      if (!watch->channel.is_open()) continue;
      end_stream(*watch, make_error(ErrorKind::kUnavailable, "the API server does not answer /livez"));
      carry_out(*watch);
    }
  }
  if (watches_.empty()) return;
  if (const auto request = probe_.next(parts_.clock.now())) {
    probe_channel_ = open_channel(*request, kWatchBacklogMax);
  }
}

}  // namespace poolwright::kube

#include "run/observation_recorder.h"

#include <utility>

#include "base/log.h"

namespace poolwright::run {

void ObservationRecorder::start() {
  if (is_on_) thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void ObservationRecorder::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void ObservationRecorder::take(std::shared_ptr<const SizingSnapshot> snapshot) {
  if (!is_on_) return;
  const MutexLock lock(mutex_);
  if (waiting_.size() >= kWaitingMax) {
    is_behind_ = true;
    return;
  }
  waiting_.push_back(std::move(snapshot));
  changed_.notify_all();
}

void ObservationRecorder::run(const std::stop_token& stop) {
  while (true) {
    std::deque<std::shared_ptr<const SizingSnapshot>> taken;
    bool was_behind = false;
    {
      const MutexLock lock(mutex_);
      changed_.wait(mutex_, stop, [this]() PW_REQUIRES(mutex_) { return !waiting_.empty(); });
      taken.swap(waiting_);
      was_behind = std::exchange(is_behind_, false);
    }
    if (taken.empty()) return;
    for (const auto& snapshot : taken) write(*snapshot);
    if (was_behind) note(make_error(ErrorKind::kUnavailable, "the disk is too slow, some were left out"));
  }
}

void ObservationRecorder::write(const SizingSnapshot& snapshot) {
  for (const ServerSizing& server : snapshot.servers) {
    if (!server.record) continue;
    const std::string line = sizing::to_json_line(*server.record);
    note(line.size() > sizing::kRecordBytesMax
             ? Status(make_error(ErrorKind::kInvalid, server.id + ": too many pools for one line of 4 MiB"))
             : files_.append(line));
  }
}

void ObservationRecorder::note(const Status& written) {
  if (!written && lost_++ == 0) log_warning("observations_not_recorded", {{"error", describe(written.error())}});
  if (written && lost_ > 0) log_info("observations_recorded_again", {{"lost", std::exchange(lost_, 0)}});
}

}  // namespace poolwright::run

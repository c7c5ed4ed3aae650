// Records what each sizing decision was made from, for `poolwright simulate --replay`. A thread of its own, so that a
// slow disk delays no decision; a failure is told once, and once more when it is over.
#pragma once

#include <deque>
#include <memory>
#include <thread>

#include "base/mutex.h"
#include "run/record_files.h"
#include "run/sizing_snapshot.h"

namespace poolwright::run {

class ObservationRecorder {
 public:
  /// Snapshots that may wait for the disk; further ones are lost.
  static constexpr std::size_t kWaitingMax = 120;

  explicit ObservationRecorder(const RecordSettings& settings) : is_on_(!settings.folder.empty()), files_(settings) {}

  void start();
  /// What waits is written, then the thread ends.
  void stop();

  /// From any thread; never waits for the disk.
  void take(std::shared_ptr<const SizingSnapshot> snapshot) PW_EXCLUDES(mutex_);

 private:
  void run(const std::stop_token& stop);
  void write(const SizingSnapshot& snapshot);
  void note(const Status& written);

  const bool is_on_;

  // Of the recorder's thread.
  RecordFiles files_;
  std::int64_t lost_ = 0;

  Mutex mutex_;
  ConditionVariable changed_;
  std::deque<std::shared_ptr<const SizingSnapshot>> waiting_ PW_GUARDED_BY(mutex_);
  bool is_behind_ PW_GUARDED_BY(mutex_) = false;

  std::jthread thread_;
};

}  // namespace poolwright::run

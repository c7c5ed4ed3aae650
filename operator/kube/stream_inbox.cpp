#include "kube/stream_inbox.h"

#include <utility>

namespace poolwright::kube {

void StreamInbox::on_status(int status, std::optional<Duration> retry_after) {
  {
    const MutexLock lock(mutex_);
    arrivals_.status = status;
    arrivals_.retry_after = retry_after;
  }
  on_arrival_();
}

bool StreamInbox::on_line(std::string line) {
  bool is_taken = true;
  {
    const MutexLock lock(mutex_);
    if (is_ended_) return false;
    if (bytes_ + line.size() > bytes_max_) {
      is_ended_ = true;
      arrivals_.end = make_error(ErrorKind::kGone,
                                 "more arrived than could be held: " + std::to_string(bytes_) + " bytes are waiting");
      is_taken = false;
    } else {
      bytes_ += line.size();
      arrivals_.lines.push_back(std::move(line));
    }
  }
  on_arrival_();
  return is_taken;
}

void StreamInbox::on_end(Status status) {
  {
    const MutexLock lock(mutex_);
    if (is_ended_) return;
    is_ended_ = true;
    arrivals_.end = std::move(status);
  }
  on_arrival_();
}

Arrivals StreamInbox::take() {
  const MutexLock lock(mutex_);
  bytes_ = 0;
  return std::exchange(arrivals_, {});
}

}  // namespace poolwright::kube

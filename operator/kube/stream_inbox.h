// What a stream brought, kept until its reader comes for it. Never makes the transport wait: when it is full, the
// stream is ended and the reader is told that it lost something. Thread rule: the sink side by the transport, take() by
// one reader.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "kube/transport.h"

namespace poolwright::kube {

struct Arrivals {
  std::optional<int> status;
  std::optional<Duration> retry_after;
  std::vector<std::string> lines;
  std::optional<Status> end;  // Gone where lines were lost

  bool empty() const { return !status && lines.empty() && !end; }
};

class StreamInbox final : public StreamSink {
 public:
  /// `on_arrival` is called after every addition, on the transport's thread; it must be short and not block.
  StreamInbox(std::size_t bytes_max, std::function<void()> on_arrival)
      : bytes_max_(bytes_max), on_arrival_(std::move(on_arrival)) {}

  void on_status(int status, std::optional<Duration> retry_after) override;
  bool on_line(std::string line) override;
  void on_end(Status status) override;

  /// Everything since the last call.
  Arrivals take();

 private:
  const std::size_t bytes_max_;
  const std::function<void()> on_arrival_;
  Mutex mutex_;
  Arrivals arrivals_ PW_GUARDED_BY(mutex_);
  std::size_t bytes_ PW_GUARDED_BY(mutex_) = 0;
  bool is_ended_ PW_GUARDED_BY(mutex_) = false;
};

}  // namespace poolwright::kube

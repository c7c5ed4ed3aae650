// What becomes of the bytes of an answer: collected for a thread that waits, or cut into lines for a sink. Bounded
// either way. Thread rule: on_status and on_bytes may come from two threads without an order between them, on_end comes
// last.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/deadline.h"
#include "base/mutex.h"
#include "base/result.h"
#include "kube/line_splitter.h"
#include "kube/transport.h"

namespace poolwright::kube {

class Reception {
 public:
  virtual ~Reception() = default;
  virtual void on_status(int status, std::optional<Duration> retry_after) = 0;
  /// False: enough, end the answer.
  virtual bool on_bytes(std::string_view bytes) = 0;
  virtual void on_end(Status status) = 0;
};

/// An answer that a thread waits for.
class UnaryReception final : public Reception {
 public:
  explicit UnaryReception(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  void on_status(int status, std::optional<Duration> retry_after) override;
  bool on_bytes(std::string_view bytes) override;
  void on_end(Status status) override;

  /// nullopt where the limits ended the wait; Protocol where the answer is larger than it may be. Gives the answer
  /// once.
  std::optional<Result<Response>> await(const CallLimits& limits);

 private:
  const std::size_t bytes_max_;
  Mutex mutex_;
  ConditionVariable ended_;
  Response response_ PW_GUARDED_BY(mutex_);
  std::optional<Status> outcome_ PW_GUARDED_BY(mutex_);
  bool is_too_large_ PW_GUARDED_BY(mutex_) = false;
};

/// An answer that goes on, line by line, into a sink. The lock is held while the sink is called, since only it keeps
/// the sink's calls in order; sinks only record.
class StreamReception final : public Reception {
 public:
  StreamReception(std::shared_ptr<StreamSink> sink, std::size_t line_bytes_max)
      : sink_(std::move(sink)), line_bytes_max_(line_bytes_max), splitter_(line_bytes_max) {}

  void on_status(int status, std::optional<Duration> retry_after) override;
  bool on_bytes(std::string_view bytes) override;
  void on_end(Status status) override;

 private:
  bool split(std::string_view bytes) PW_REQUIRES(mutex_);

  const std::shared_ptr<StreamSink> sink_;
  const std::size_t line_bytes_max_;
  Mutex mutex_;
  LineSplitter splitter_ PW_GUARDED_BY(mutex_);
  LineSplitter::Outcome outcome_ PW_GUARDED_BY(mutex_) = LineSplitter::Outcome::kMore;
  std::string early_ PW_GUARDED_BY(mutex_);  // overtook the status
  bool has_status_ PW_GUARDED_BY(mutex_) = false;
  bool is_ended_ PW_GUARDED_BY(mutex_) = false;
};

}  // namespace poolwright::kube

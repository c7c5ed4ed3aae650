#include "kube/reception.h"

#include <utility>

namespace poolwright::kube {

void UnaryReception::on_status(int status, std::optional<Duration> retry_after) {
  const MutexLock lock(mutex_);
  response_.status = status;
  response_.retry_after = retry_after;
}

bool UnaryReception::on_bytes(std::string_view bytes) {
  const MutexLock lock(mutex_);
  is_too_large_ = is_too_large_ || response_.body.size() + bytes.size() > bytes_max_;
  if (is_too_large_) return false;
  response_.body.append(bytes);
  return true;
}

void UnaryReception::on_end(Status status) {
  const MutexLock lock(mutex_);
  outcome_ = std::move(status);
  ended_.notify_all();
}

std::optional<Result<Response>> UnaryReception::await(const CallLimits& limits) {
  const MutexLock lock(mutex_);
  ended_.wait_for(mutex_, limits.stop, limits.deadline.left(),
                  [&]() PW_REQUIRES(mutex_) { return outcome_.has_value(); });
  if (!outcome_) return std::nullopt;
  if (is_too_large_) {
    return make_error(ErrorKind::kProtocol, "the answer is larger than " + std::to_string(bytes_max_) + " bytes");
  }
  if (!*outcome_) return outcome_->error();
  return std::exchange(response_, {});
}

void StreamReception::on_status(int status, std::optional<Duration> retry_after) {
  const MutexLock lock(mutex_);
  if (is_ended_) return;
  has_status_ = true;
  sink_->on_status(status, retry_after);
  split(std::exchange(early_, {}));
}

bool StreamReception::on_bytes(std::string_view bytes) {
  const MutexLock lock(mutex_);
  if (is_ended_ || outcome_ != LineSplitter::Outcome::kMore) return false;
  if (has_status_) return split(bytes);
  early_.append(bytes);
  return early_.size() <= line_bytes_max_;
}

bool StreamReception::split(std::string_view bytes) {
  outcome_ = splitter_.feed(bytes, [&](std::string line) { return sink_->on_line(std::move(line)); });
  return outcome_ == LineSplitter::Outcome::kMore;
}

void StreamReception::on_end(Status status) {
  const MutexLock lock(mutex_);
  if (std::exchange(is_ended_, true)) return;
  if (status && outcome_ == LineSplitter::Outcome::kMore) {
    outcome_ = splitter_.finish([&](std::string line) { return sink_->on_line(std::move(line)); });
  }
  if (outcome_ == LineSplitter::Outcome::kTooLong) {
    status = make_error(ErrorKind::kProtocol, "a line is longer than " + std::to_string(line_bytes_max_) + " bytes");
  }
  sink_->on_end(std::move(status));
}

}  // namespace poolwright::kube

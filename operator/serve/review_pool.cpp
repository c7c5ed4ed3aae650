#include "serve/review_pool.h"

#include <exception>
#include <utility>

#include "base/log.h"

namespace poolwright::serve {
namespace {

/// An exception of an implementation is no answer, so it lets nobody in.
Result<Identity> answer_of(Authenticator& authenticator, const ReviewPool::Question& question) {
  try {
    return authenticator.authorize(question.token, question.verb, question.path);
  } catch (const std::exception& exception) {
    log_error("authorization_failed", {{"error", exception.what()}});
    return make_error(ErrorKind::kInternal, "ask whether this is allowed: an exception was caught");
  }
}

}  // namespace

ReviewPool::ReviewPool(Authenticator& authenticator, int threads, std::size_t questions_max)
    : authenticator_(authenticator), questions_max_(questions_max) {
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back([this](const std::stop_token& stop) { run(stop); });
  }
}

ReviewPool::~ReviewPool() { stop(); }

void ReviewPool::stop() {
  std::deque<Question> dropped;  // ends without the lock: what it holds may call back
  {
    const MutexLock lock(mutex_);
    is_stopped_ = true;
    dropped.swap(line_);
  }
  for (std::jthread& thread : threads_) thread.request_stop();
  threads_.clear();  // joins
}

bool ReviewPool::ask(Question question) {
  {
    const MutexLock lock(mutex_);
    if (is_stopped_ || line_.size() >= questions_max_) return false;
    line_.push_back(std::move(question));
  }
  changed_.notify_one();
  return true;
}

void ReviewPool::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    Question question;
    {
      const MutexLock lock(mutex_);
      const bool has_question = changed_.wait(mutex_, stop, [this]() PW_REQUIRES(mutex_) { return !line_.empty(); });
      if (!has_question || stop.stop_requested()) return;
      question = std::move(line_.front());
      line_.pop_front();
    }
    question.on_answer(answer_of(authenticator_, question));
  }
}

}  // namespace poolwright::serve

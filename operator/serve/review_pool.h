// The threads that ask an Authenticator which may block. The line of questions is bounded: what does not fit is refused
// at once, so that a flood of unknown tokens cannot pile up; who is known already does not need the line.
// Thread rule: ask may be called from any thread, stop by one. The authenticator outlives the pool.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "serve/authenticator.h"

namespace poolwright::serve {

class ReviewPool {
 public:
  struct Question {
    SecretString token;
    std::string verb;
    std::string path;
    std::function<void(Result<Identity>)> on_answer;  // called on a thread of the pool
  };

  ReviewPool(Authenticator& authenticator, int threads, std::size_t questions_max);
  ~ReviewPool();
  ReviewPool(const ReviewPool&) = delete;
  ReviewPool& operator=(const ReviewPool&) = delete;

  /// False: the line is full, or the pool is stopped. on_answer is not called then.
  bool ask(Question question);
  /// Waits for the questions that are being asked and drops the others; takes none from now on. The destructor stops,
  /// too.
  void stop();

 private:
  void run(const std::stop_token& stop);

  Authenticator& authenticator_;
  const std::size_t questions_max_;
  Mutex mutex_;
  ConditionVariable changed_;
  std::deque<Question> line_ PW_GUARDED_BY(mutex_);
  bool is_stopped_ PW_GUARDED_BY(mutex_) = false;
  std::vector<std::jthread> threads_;  // last: joined before the rest goes
};

}  // namespace poolwright::serve

// Is the API server still there? Asks /livez now and then, as a state machine without I/O. A connection that died
// silently makes the three questions in a row fail that lead to new connections, long before its own idle limit. Thread
// rule: one thread at a time.
#pragma once

#include <optional>

#include "base/clock.h"
#include "base/result.h"
#include "kube/transport.h"

namespace poolwright::kube {

class LivenessProbe {
 public:
  static constexpr Duration kPeriod = std::chrono::seconds{15};
  static constexpr Duration kAnswerMax = std::chrono::seconds{5};
  static constexpr int kFailuresMax = 3;

  /// The question to ask now; nullopt while one is open or it is too early.
  std::optional<Request> next(MonotonicTime now);
  /// Any answer at all shows that the connection works; only silence counts.
  void on_end(bool had_answer);
  /// True once after kFailuresMax failures in a row.
  bool take_verdict_dead();
  MonotonicTime wake_at() const { return is_open_ ? asked_at_ + kAnswerMax : asked_at_ + kPeriod; }

 private:
  bool is_open_ = false;
  int failures_ = 0;
  MonotonicTime asked_at_{};
};

}  // namespace poolwright::kube

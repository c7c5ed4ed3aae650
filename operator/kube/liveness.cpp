#include "kube/liveness.h"

namespace poolwright::kube {

std::optional<Request> LivenessProbe::next(MonotonicTime now) {
  if (is_open_ || now - asked_at_ < kPeriod) return std::nullopt;
  is_open_ = true;
  asked_at_ = now;
  return Request{.method = Method::kGet, .path = "/livez", .query = {}, .accept = "*/*"};
}

void LivenessProbe::on_end(bool had_answer) {
  is_open_ = false;
  failures_ = had_answer ? 0 : failures_ + 1;
}

bool LivenessProbe::take_verdict_dead() {
  if (failures_ < kFailuresMax) return false;
  failures_ = 0;
  return true;
}

}  // namespace poolwright::kube

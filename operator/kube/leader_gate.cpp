#include "kube/leader_gate.h"

namespace poolwright::kube {

Result<CallLimits> LeaderGate::admit(const CallLimits& limits) const {
  const MonotonicTime gate_end = end();
  const MonotonicTime now = clock_.now();
  if (now >= gate_end) {
    return make_error(ErrorKind::kUnavailable, "not written: this process does not hold the lease (any more)");
  }
  if (limits.deadline.end() <= gate_end) return limits;
  const auto left = std::chrono::duration_cast<Duration>(gate_end - now);
  return CallLimits{limits.deadline.at_most(left), limits.stop};
}

}  // namespace poolwright::kube

#include "run/heartbeats.h"

namespace poolwright::run {

std::vector<serve::Heartbeat> Heartbeats::take() {
  consoles_.post([pulse = console_pulse_] { pulse->beat(); });  // seen the next time
  const std::chrono::duration<double> longest{queue_.counts().longest_running_s};
  return {
      {.thread = "consoles", .moved_at = console_pulse_->at()},
      {.thread = "workers", .moved_at = clock_.now() - std::chrono::duration_cast<MonotonicTime::duration>(longest)}};
}

}  // namespace poolwright::run

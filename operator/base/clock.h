// Time as a parameter. Production passes SystemClock; tests and the simulation pass a clock that they move.
#pragma once

#include <chrono>
#include <string>

namespace poolwright {

using Duration = std::chrono::milliseconds;
/// Never goes back; for deadlines, cooldowns and ages. Unaffected by changes of the wall clock.
using MonotonicTime = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;
/// Wall clock, UTC; only for what people and Kubernetes read.
using WallTime = std::chrono::time_point<std::chrono::system_clock, std::chrono::nanoseconds>;

/// Thread rule: implementations may be called from any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual MonotonicTime now() const = 0;
  virtual WallTime wall_now() const = 0;
};

class SystemClock final : public Clock {
 public:
  MonotonicTime now() const override;
  WallTime wall_now() const override;
};

/// RFC 3339 in UTC with seconds: "2026-01-02T03:04:05Z" (Kubernetes metav1.Time).
std::string format_rfc3339(WallTime time);
/// RFC 3339 in UTC with microseconds: "2026-01-02T03:04:05.678901Z" (Kubernetes metav1.MicroTime).
std::string format_rfc3339_micro(WallTime time);

}  // namespace poolwright

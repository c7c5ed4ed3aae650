// Keeps an eye on the Redis of every pool that names one, on a thread of its own: a Redis that hangs delays nobody but
// the next Redis, and that one by at most kProbeLimit.
// Thread rule: every member may be called from any thread. The clock outlives the watcher. The destructor stops it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "redis/probe.h"

namespace poolwright::redis {

inline constexpr Duration kProbeLimit{2000};
inline constexpr std::size_t kTargetsMax = 10000;
/// Probes that run at the same time.
inline constexpr int kProbesInFlight = 4;

class Watcher {
 public:
  using Targets = std::map<std::string, ProbeTarget>;  // by an id of the caller: "namespace/pool"
  using Outcomes = std::map<std::string, ProbeOutcome>;

  Watcher(const Clock& clock, Duration interval);
  ~Watcher();
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  /// Replaces the targets; new and changed ones are probed at once. More than kTargetsMax: the rest is left out.
  void watch(Targets targets);
  /// Newest outcomes; targets that were not probed yet are missing.
  std::shared_ptr<const Outcomes> outcomes() const;

 private:
  struct Item {
    ProbeTarget target;
    MonotonicTime due{};
    bool is_running = false;
    std::uint64_t generation = 0;
  };

  void run(const std::stop_token& stop);
  /// Until somebody asks for a round, or the time has passed.
  void await_round(const std::stop_token& stop, Duration at_most) PW_REQUIRES(mutex_);
  std::optional<std::string> next() PW_REQUIRES(mutex_);
  void publish(const std::string& id, std::uint64_t generation, ProbeOutcome outcome);

  const Clock& clock_;
  const Duration interval_;
  mutable Mutex mutex_;
  ConditionVariable changed_;
  std::map<std::string, Item> items_ PW_GUARDED_BY(mutex_);
  std::uint64_t generation_ PW_GUARDED_BY(mutex_) = 0;  // of the newest target
  std::uint64_t rounds_ PW_GUARDED_BY(mutex_) = 0;      // calls of watch
  std::shared_ptr<const Outcomes> outcomes_ PW_GUARDED_BY(mutex_) = std::make_shared<const Outcomes>();
  std::vector<std::jthread> threads_;  // last: joined before the rest goes
};

}  // namespace poolwright::redis

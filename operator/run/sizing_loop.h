// Looks at all pools, pods and servers once a second, has the sizes decided, and publishes them: to the reconciler as a
// SizeAdvisor, to readers as a snapshot. Needs no API server: an object store, consoles and an observer are enough.
// Thread rule: start and stop from one thread; advise and programmed from any; the brain belongs to the loop's thread.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "api/object_store.h"
#include "api/validate.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/pulse.h"
#include "pgbouncer/fleet.h"
#include "reconcile/gather.h"
#include "reconcile/size_advisor.h"
#include "run/known_pools.h"
#include "run/observation_recorder.h"
#include "run/server_watch.h"
#include "run/sizing_brain.h"
#include "run/sizing_snapshot.h"

namespace poolwright::run {

struct SizingLoopParts {
  const api::ObjectStore& store;
  pgbouncer::ConsoleFleet& fleet;
  const ServerWatch& servers;
  const Clock& clock;
  SizingMailbox& mailbox;
  /// Takes every snapshot, also those that the mailbox does not keep until somebody looks.
  ObservationRecorder& recorder;
  /// Whether this process may decide now: it leads, and its cache is filled.
  std::function<bool()> may_decide;
  /// Has a pool reconciled soon.
  std::function<void(const std::string& namespace_name, const std::string& name)> look_at;
};

struct SizingLoopSettings {
  sizing::Parameters parameters;
  api::ValidationPolicy validation;
};

class SizingLoop final : public reconcile::SizeAdvisor {
 public:
  static constexpr Duration kPeriod = std::chrono::seconds{1};
  /// A question of the reconciler about a pool that is not decided brings the next decision forward, but not more
  /// often.
  static constexpr Duration kPeriodMin{100};
  static constexpr Duration kCommandLimit = std::chrono::seconds{5};

  SizingLoop(SizingLoopParts parts, const SizingLoopSettings& settings)
      : parts_(std::move(parts)), settings_(settings), brain_(settings.parameters), pulse_(parts_.clock) {}

  void start();
  /// Returns when the thread has ended.
  void stop();
  /// When the thread moved on last. From any thread.
  MonotonicTime moved_at() const { return pulse_.at(); }

  std::optional<reconcile::PoolAdvice> advise(const reconcile::Facts& facts) override;
  void programmed(const reconcile::Facts& facts, const reconcile::ProgramReport& report) override;
  void logins_checked(const reconcile::Facts& facts, bool are_let_in) override;

 private:
  struct Confirmation {
    PoolKey pool;
    std::vector<std::string> pods;  // UIDs
    std::int64_t serial = 0;
    bool is_refused = false;
    bool is_complete = false;
  };

  struct LoginAnswer {
    PoolKey pool;
    bool are_let_in = false;
    MonotonicTime at{};
  };

  void run(const std::stop_token& stop);
  void tick();
  void take_confirmations();
  SizingWorld look();
  void publish(const SizingOutcome& outcome);
  void reconnect(const Reconnect& wanted);

  const SizingLoopParts parts_;
  const SizingLoopSettings settings_;

  // Of the loop's thread.
  SizingBrain brain_;
  KnownPools known_;  // one that is deleted stays until its last pod is gone
  bool was_deciding_ = false;

  Pulse pulse_;
  Mutex mutex_;
  ConditionVariable changed_;
  bool is_asked_ PW_GUARDED_BY(mutex_) = false;
  std::map<PoolKey, PoolOutcome> outcomes_ PW_GUARDED_BY(mutex_);
  std::set<PoolKey> asked_ PW_GUARDED_BY(mutex_);
  std::vector<Confirmation> confirmations_ PW_GUARDED_BY(mutex_);
  std::vector<LoginAnswer> login_answers_ PW_GUARDED_BY(mutex_);

  std::jthread thread_;
};

}  // namespace poolwright::run

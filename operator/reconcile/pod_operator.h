// Carries out what operations.h decides on the pods of a pool. The reconciler asks for it through this interface.
#pragma once

#include <functional>
#include <map>
#include <optional>

#include "api/object_store.h"
#include "base/deadline.h"
#include "base/mutex.h"
#include "pgbouncer/fleet.h"
#include "reconcile/operations.h"

namespace poolwright::reconcile {

class PodOperator {
 public:
  virtual ~PodOperator() = default;

  /// Blocks until every pod did its steps or the limits end; a pod that does not answer does not hold up the others.
  /// Sends nothing where all is as wanted. `pool` is the resource, of which `facts` need the name and the pods only.
  virtual OperationReport operate(const api::Json& pool, const Facts& facts, const CallLimits& limits) = 0;

  /// Whether PostgreSQL lets the users of the pool in now; the error says why not. Blocks until the limits at most.
  virtual Status check_logins(const Facts& facts, const CallLimits& limits) = 0;
};

/// What is known about the PostgreSQL of a pool. Thread rule: called from any thread.
struct ServerKnowledge {
  /// Since when the one that answers now does; nothing where nobody looked.
  std::function<std::optional<WallTime>(const Facts& facts)> serving_since;
  /// Whether it lets the users of the pool in now; the error says why not. May block until the limits.
  std::function<Status(const Facts& facts, const CallLimits& limits)> check_logins;
};

struct ConsoleOperatorParts {
  api::ObjectStore& store;
  pgbouncer::ConsoleFleet& fleet;
  const Clock& clock;
  ServerKnowledge server;
};

/// Over the admin consoles that a ConsoleProgrammer keeps open. Thread rule: any thread; one pool by one thread.
class ConsoleOperator final : public PodOperator {
 public:
  /// PAUSE answers when the last transaction has ended; it stays in force where nobody waits for that.
  static constexpr Duration kCommandLimit{3'000};
  static constexpr Duration kPodLimit{10'000};

  explicit ConsoleOperator(ConsoleOperatorParts parts) : parts_(std::move(parts)) {}

  OperationReport operate(const api::Json& pool, const Facts& facts, const CallLimits& limits) override;
  Status check_logins(const Facts& facts, const CallLimits& limits) override {
    return parts_.server.check_logins(facts, limits);
  }

 private:
  PodOperated look(const PodFacts& pod) const;
  /// The last poll of the pod is older than what it was told last.
  bool is_outdated(const std::string& uid);
  void remember(const std::string& uid);
  void operate_pod(const PodFacts& pod, const WantedOperations& wanted, const std::string& namespace_name,
                   PodOperated& operated, const CallLimits& limits);
  Status carry_out(const std::vector<PodStep>& steps, const std::string& uid, PodOperated& operated,
                   const CallLimits& limits);

  ConsoleOperatorParts parts_;
  Mutex mutex_;
  std::map<std::string, MonotonicTime> told_at_ PW_GUARDED_BY(mutex_);  // by UID: when a pause or the like was answered
};

}  // namespace poolwright::reconcile

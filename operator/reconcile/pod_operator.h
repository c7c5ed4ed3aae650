// Carries out what operations.h decides on the pods of a pool. The reconciler asks for it through this interface.
#pragma once

#include <functional>

#include "api/object_store.h"
#include "base/deadline.h"
#include "pgbouncer/fleet.h"
#include "reconcile/operations.h"

namespace poolwright::reconcile {

class PodOperator {
 public:
  virtual ~PodOperator() = default;

  /// Blocks until every pod did its steps or the limits end; a pod that does not answer does not hold up the others.
  /// Sends nothing where all is as wanted.
  virtual OperationReport operate(const Facts& facts, const CallLimits& limits) = 0;
};

/// Whether PostgreSQL lets the users of a pool log in now; the error says why not.
using LoginCheck = std::function<Status(const Facts& facts, const CallLimits& limits)>;

struct ConsoleOperatorParts {
  api::ObjectStore& store;
  pgbouncer::ConsoleFleet& fleet;
  const Clock& clock;
  LoginCheck check_logins;
};

/// Over the admin consoles that a ConsoleProgrammer keeps open. Thread rule: any thread; one pool by one thread.
class ConsoleOperator final : public PodOperator {
 public:
  /// PAUSE answers when the last transaction has ended; it stays in force where nobody waits for that.
  static constexpr Duration kCommandLimit{3'000};
  static constexpr Duration kPodLimit{10'000};

  explicit ConsoleOperator(ConsoleOperatorParts parts) : parts_(std::move(parts)) {}

  OperationReport operate(const Facts& facts, const CallLimits& limits) override;

 private:
  PodOperated operate_pod(const Facts& facts, const PodFacts& pod, const WantedOperations& wanted,
                          const CallLimits& limits);
  Status carry_out(const std::vector<PodStep>& steps, const std::string& uid, PodOperated& operated,
                   const CallLimits& limits);
  Status mark_reconnected(const Facts& facts, const PodFacts& pod, const std::string& request,
                          const CallLimits& limits);

  ConsoleOperatorParts parts_;
};

}  // namespace poolwright::reconcile

// One reconcile of one pool: gather, decide, carry out, say so in status. Level-based: what it does depends on what is
// so now, never on what happened. The same call twice without a change does nothing the second time. Thread rule: any
// thread, but one key at a time (the work queue sees to that). Blocks until the limits at most.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "api/object_store.h"
#include "api/parse.h"
#include "api/validate.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/random.h"
#include "reconcile/gather.h"
#include "reconcile/pod_operator.h"
#include "reconcile/pod_programmer.h"
#include "reconcile/report.h"
#include "reconcile/size_advisor.h"

namespace poolwright::reconcile {

/// When to look again: after this time, or (absent) when something changes.
struct Action {
  std::optional<Duration> after = std::nullopt;
};

struct ReconcilerSettings {
  DecideSettings decide;
  api::ValidationPolicy validation;
};

struct ReconcilerParts {
  api::ObjectStore& store;
  SecretReader& secrets;
  PodProgrammer& programmer;
  PodOperator& operations;
  SizeAdvisor& sizes;
  const Clock& clock;
  Random& random;
};

class Reconciler {
 public:
  /// A pool that is not programmed yet is looked at again after this time.
  static constexpr Duration kProgramAgain = std::chrono::seconds{2};
  /// How long one reconcile waits for its pods before it goes on with what does not depend on them.
  static constexpr Duration kProgramWait = std::chrono::seconds{5};
  /// The most that it waits for PostgreSQL to let the users of the pool in.
  static constexpr Duration kLoginCheckLimit = std::chrono::seconds{5};

  Reconciler(const ReconcilerParts& parts, ReconcilerSettings settings)
      : parts_(parts), settings_(std::move(settings)) {}

  Result<Action> reconcile(const std::string& namespace_name, const std::string& name, const CallLimits& limits);

  /// For a replica that does not lead: changes nothing, only looks at the pods (PodProgrammer::watch), so that it can
  /// tell what is so and is warm when it takes over.
  Status observe(const std::string& namespace_name, const std::string& name, const CallLimits& limits);

 private:
  /// One resource that is looked at.
  struct Case {
    const api::Json& object;
    const api::Parsed parsed;
    OperationReport operated;
  };
  Result<Action> reconcile_spec(const Case& looked_at, const CallLimits& limits);
  Result<Action> reconcile_valid(const Case& looked_at, const CallLimits& limits);
  Result<Action> reconcile_paused(const Case& looked_at, const CallLimits& limits);
  Result<Action> reconcile_refused(const Case& looked_at, const CallLimits& limits);
  OperationReport operate(const api::Json& object, const std::optional<api::ConnectionPool>& pool,
                          const CallLimits& limits);
  Result<Action> look_again(Result<Action> action, const OperationReport& operated) const;
  void tell_pause(const api::Json& object, bool paused);
  void tell_operations(const api::Json& object, const OperationReport& operated);
  Status write_status(const api::Json& object, const api::Json& wanted, const CallLimits& limits);
  void tell(const Case& looked_at, const Decision& decision, const Plan& plan, const Outcome& outcome);
  void tell_sizing(const api::Json& object, const api::Json& wanted);

  ReconcilerParts parts_;
  const ReconcilerSettings settings_;
  Mutex mutex_;
  /// Last text of a warning event of each pool, so that a person is told once, not at every reconcile.
  std::map<std::string, std::string> told_ PW_GUARDED_BY(mutex_);
};

/// Does the steps in order and stops at the first that fails. Pods that cannot be programmed in time stop the plan
/// before the steps that rely on them, without an error.
Outcome carry_out(const ReconcilerParts& parts, const Plan& plan, const Decision& decision, const Facts& facts,
                  const CallLimits& limits);

}  // namespace poolwright::reconcile

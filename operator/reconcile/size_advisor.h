// Where the sizes come from. The reconciler asks through this interface: the sizing loop of a running operator answers
// from what it observes; without observations the sizes stay as they are recorded.
#pragma once

#include <optional>

#include "reconcile/facts.h"
#include "reconcile/pod_programmer.h"
#include "reconcile/size_advice.h"

namespace poolwright::reconcile {

/// Thread rule: implementations may be called from any thread; no call blocks.
class SizeAdvisor {
 public:
  virtual ~SizeAdvisor() = default;

  /// Nothing where it is not decided yet; the pool is looked at again once it is.
  virtual std::optional<PoolAdvice> advise(const Facts& facts) = 0;

  /// What became of the pods that were to run the sizes of `facts.advice`.
  virtual void programmed(const Facts& facts, const ProgramReport& report) = 0;

  /// The answer where the advice asked whether logins work.
  virtual void logins_checked(const Facts& facts, bool are_let_in) = 0;
};

/// Sizes as the stored ConfigMap records them, else the initial ones. Everything is approved.
class RecordedSizes final : public SizeAdvisor {
 public:
  std::optional<PoolAdvice> advise(const Facts& facts) override;
  void programmed(const Facts& /*facts*/, const ProgramReport& /*report*/) override {}
  void logins_checked(const Facts& /*facts*/, bool /*are_let_in*/) override {}
};

}  // namespace poolwright::reconcile

// What status says after a reconcile: from the decision, the plan and what came of it.
// Thread rule: pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/status.h"
#include "reconcile/decide.h"
#include "reconcile/facts.h"
#include "reconcile/plan.h"
#include "reconcile/pod_programmer.h"

namespace poolwright::reconcile {

/// What became of a plan.
struct Outcome {
  std::size_t steps_done = 0;
  std::optional<Error> error;            // of the step that failed, with what it was about
  std::optional<ProgramReport> program;  // where pods were to be programmed
  bool rotation_ended = false;           // the console's logins of before are forgotten
};

/// One reconcile: what was decided, what there was to do, what became of it.
struct Attempt {
  const Decision& decision;
  const Plan& plan;
  const Outcome& outcome;
};

/// Status of a pool whose spec could be read. `previous` is the stored one (for times of transitions only); `now` is
/// RFC 3339.
api::ConnectionPoolStatus make_status(const Facts& facts, const Attempt& attempt, const api::Json& previous,
                                      const std::string& now);

/// Status of a pool whose spec cannot be used: conditions change, all else stays as it was stored. `request` as in
/// Facts.
api::Json refused_status(const Decision& decision, const api::Json& previous, std::int64_t generation,
                         const std::string& request, const std::string& now);

/// Reason of Reconciling while a person keeps the operator from changing the pool.
inline constexpr const char* kPausedReason = "Paused";

/// Status of a paused pool: that it is paused, and how many of its pods are ready; all else stays as it was last seen.
/// `facts` are absent where the spec cannot be used. `more`: conditions that are looked at all the same.
api::Json paused_status(const std::optional<Facts>& facts, std::vector<api::Condition> more, const api::Json& previous,
                        const std::string& now);

/// Whether the status says that the pool is paused.
bool says_paused(const api::Json& status);

/// Whether the stored status already says what `wanted` says.
bool same_status(const api::Json& stored, const api::Json& wanted);

}  // namespace poolwright::reconcile

// What should be: from the resource and the facts to the objects that are wanted and the conditions that say what
// stands in the way. A chain of checks; the check that finds something sets the condition and its reason. Thread rule:
// pure.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "api/field_error.h"
#include "api/status.h"
#include "reconcile/facts.h"
#include "render/render.h"

namespace poolwright::reconcile {

struct DecideSettings {
  std::string image_repository = "poolwright/pgbouncer";  // the tag is the version of PgBouncer
  /// Where clients reach a pool, by its name; empty: the Service. The same name always gives the same address.
  std::function<render::PoolerAddress(const std::string&)> pooler_address = {};
};

struct Decision {
  /// Absent: what runs stays as it is (invalid spec, unresolved references).
  std::optional<render::Rendered> rendered;
  bool config_rejected = false;  // PgBouncer refused this rendering; see refuse_config
  bool stalled = false;          // only a person can change that
  std::string stalled_reason;    // reason and message of the condition that stalls
  std::string stalled_message;
  std::vector<api::Condition> conditions;  // Accepted, ResolvedRefs, ClientLimitExceeded
};

Decision decide(const Facts& facts, const DecideSettings& settings);

/// The decision for a rendering that a PgBouncer refused before: nothing of it is applied.
Decision refuse_config(const Decision& decision, std::int64_t generation);

/// For a resource whose spec cannot be used: Accepted=False with the errors, nothing wanted.
Decision refuse(const std::vector<api::FieldError>& errors, std::int64_t generation);

}  // namespace poolwright::reconcile

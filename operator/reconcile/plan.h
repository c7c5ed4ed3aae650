// What to do: the difference between what is wanted and what is stored, as a list of steps. Each step is one external
// effect, every prefix of the list is a safe state, and nothing differs means no step.
// Thread rule: pure.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "api/object.h"
#include "reconcile/decide.h"
#include "reconcile/facts.h"

namespace poolwright::reconcile {

/// Server-side apply of one object.
struct ApplyObject {
  api::Json object;
};

/// Deletion of an object of ours that is no longer wanted; only while it still has this UID.
struct RemoveObject {
  api::ObjectKey key;
  std::string uid;
};

/// Bring the stored configuration to the running pods and read it back. What follows in the plan relies on it: URLs
/// with a new password, more pods, a smaller share for each.
struct ProgramPods {
  std::string config_hash;
};

/// Forget the console login of before the rotation, once every pod was read back with the present one.
struct EndRotation {
  api::Json secret;  // the console's, as it is then
};

using Step = std::variant<ApplyObject, RemoveObject, ProgramPods, EndRotation>;

/// An object under a name that we want, which is not ours. It is never touched.
struct NameTaken {
  api::ObjectKey key;
  std::string owner;  // "Deployment orders" as its controller reference says, or "nobody"
};

struct Plan {
  std::vector<Step> steps;
  std::vector<NameTaken> conflicts;
};

/// `pool_uid` decides what is ours.
Plan make_plan(const Decision& decision, const StoredObjects& stored, const Facts& facts);

/// For logs: "apply Deployment shop/orders-pool".
std::string describe(const Step& step);

}  // namespace poolwright::reconcile

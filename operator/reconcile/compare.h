// Is what is stored what we want? Answered without a request, from the cached object.
// Thread rule: pure.
#pragma once

#include "api/object.h"

namespace poolwright::reconcile {

/// Annotation on every rendered object: SHA-256 of the object as rendered, without this annotation.
inline constexpr const char* kAppliedHash = "poolwright.dev/applied-hash";

/// True where every field of `wanted` stands in `stored` with an equal value. Fields that only `stored` has (defaults
/// of the API server, other writers, status) do not matter. A list of objects is covered if each wanted element is
/// covered by some stored element; a list of scalars must be equal. An empty wanted value is covered by an absent one,
/// since the API server drops those.
bool covers(const api::Json& stored, const api::Json& wanted);

/// True where `wanted` has to be applied: nothing is stored, something else was applied last (so fields may have to go
/// away), or somebody changed a field of ours.
bool needs_apply(const api::Json* stored, const api::Json& wanted);

}  // namespace poolwright::reconcile

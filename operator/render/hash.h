// Fingerprints of what was rendered. Every object carries the hash of itself, so that the planner sees without a
// request whether exactly this object was applied last. Thread rule: pure functions.
#pragma once

#include <string>

#include "api/object.h"

namespace poolwright::render {

/// JSON without spaces, keys in byte order: the same text for equal objects.
std::string canonical_json(const api::Json& json);

/// SHA-256 (hex) of the object's canonical JSON without its kAppliedHashAnnotation.
std::string applied_hash(const api::Json& object);

/// The object with that hash as kAppliedHashAnnotation.
api::Json with_applied_hash(api::Json object);

}  // namespace poolwright::render

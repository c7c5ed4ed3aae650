// What a person asks of the operator by annotations on the resource, without a change of its spec. Thread rule: pure.
#pragma once

#include <string>

#include "api/object.h"

namespace poolwright::reconcile {

/// "disabled": nothing of the pool is changed until it is "enabled" or gone. Anything else is a mistake that is told.
inline constexpr const char* kReconcileAnnotation = "poolwright.dev/reconcile";
/// Any new text (a time, by custom): look at the pool now and read its Secrets anew. The text comes back in
/// status.lastHandledRequest.
inline constexpr const char* kRequestedAtAnnotation = "poolwright.dev/requested-at";

bool is_paused(const api::Json& pool);

/// What is wrong with the annotations, or "".
std::string annotation_mistake(const api::Json& pool);

/// The text of the request, cut to what status has room for; "" where there is none.
std::string request_of(const api::Json& pool);

/// A request that status does not name yet.
bool has_new_request(const api::Json& pool);

}  // namespace poolwright::reconcile

// How the operator writes on a pod. Thread rule: any thread.
#pragma once

#include <string>

#include "api/object_store.h"

namespace poolwright::reconcile {

/// Sets these annotations; the others stay.
inline Status annotate_pod(api::ObjectStore& store, const std::string& namespace_name, const std::string& pod,
                           const api::Json& annotations, const CallLimits& limits) {
  const api::ObjectKey key{.api_version = "v1", .kind = "Pod", .namespace_name = namespace_name, .name = pod};
  return store.merge_patch(key, {{"metadata", {{"annotations", annotations}}}}, limits);
}

}  // namespace poolwright::reconcile

// The gate of a pod: an init container that waits until the operator has a share of the connections for this pod. A pod
// may come at any moment (a rollout, an eviction), while the others still hold all that the size allows; the operator
// has them shrink first, and then writes the hash of the configuration with the new shares on the pod. The gate opens
// when the pod's files are of that hash. Where no operator speaks to the pod, it opens by itself once the pod that this
// one replaces must be gone. Thread rule: pure.
#pragma once

#include <cstdint>
#include <string>

#include "api/object.h"

namespace poolwright::render {

/// Value of kConfigHashAnnotation for a pod that has to wait for the operator however long it takes.
inline constexpr const char* kGateClosed = "wait";
/// What a pod waits longer than the grace period of the one before it, in seconds, where there is no operator.
inline constexpr std::int32_t kGatePatienceSeconds = 15;

/// Uses nothing but a shell and `sleep`.
std::string gate_script(std::int32_t grace_period_seconds);

/// The volume that shows the pod its own annotation, and where it is mounted.
api::Json gate_volume();
api::Json gate_mount();

}  // namespace poolwright::render

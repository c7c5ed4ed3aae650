// What a person asks of the operator by annotations on the resource, without a change of its spec. Thread rule: pure.
#pragma once

#include <optional>
#include <string>

#include "api/object.h"
#include "base/clock.h"

namespace poolwright::reconcile {

/// "disabled": nothing of the pool is changed until it is "enabled" or gone. Anything else is a mistake that is told.
inline constexpr const char* kReconcileAnnotation = "poolwright.dev/reconcile";
/// Any new text (a time, by custom): look at the pool now and read its Secrets anew. The text comes back in
/// status.lastHandledRequest.
inline constexpr const char* kRequestedAtAnnotation = "poolwright.dev/requested-at";
/// RFC 3339: until then clients wait and no server connection is in use.
inline constexpr const char* kPauseUntilAnnotation = "poolwright.dev/pause-until";
/// RFC 3339, when it was asked for: server connections that are older are replaced as they are released.
inline constexpr const char* kReconnectAnnotation = "poolwright.dev/reconnect-requested-at";
/// RFC 3339, when it was asked for: new logins for the admin consoles.
inline constexpr const char* kRotateAnnotation = "poolwright.dev/rotate-requested-at";

/// The end of a pause lies at most this far ahead; one that lies further is a mistake, and nobody waits for it.
inline constexpr std::chrono::minutes kPauseMax{15};

bool is_paused(const api::Json& pool);

/// What is wrong with the annotations, or "".
std::string annotation_mistake(const api::Json& pool, WallTime now);

/// Until when clients are to wait. Nothing where nobody asks for it or not in a way that counts.
std::optional<WallTime> pause_until_of(const api::Json& pool, WallTime now);

/// When new server connections were asked for last.
std::optional<WallTime> reconnect_request_of(const api::Json& pool);

/// When new logins of the consoles were asked for last.
std::optional<WallTime> rotate_request_of(const api::Json& pool);

/// The text of the request, cut to what status has room for; "" where there is none.
std::string request_of(const api::Json& pool);

/// A request that status does not name yet.
bool has_new_request(const api::Json& pool);

}  // namespace poolwright::reconcile

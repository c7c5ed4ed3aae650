// How a pod stops without cutting a transaction. Inside the room only. Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <string>

#include "render/version.h"

namespace poolwright::render {

/// How long a stopping pod goes on listening: by then no kube-proxy sends it new clients.
inline constexpr std::int32_t kEndpointRemovalSeconds = 5;
/// What is left for transactions to end once clients were asked to leave.
inline constexpr std::int32_t kLastTransactionsSeconds = 10;

/// Script of the preStop hook, for a shell without anything but sleep (and psql, if the image has it).
///
/// 1.18 to 1.24: SIGTERM would cut transactions (up to 1.22) or wait for clients without limit (1.23, 1.24, where
/// nothing inside the pod can end that). SIGINT lets every transaction end and then exits; no commit is lost. The hook
/// stays until PgBouncer is gone, because the kubelet's SIGTERM after it would be the second signal, which exits at
/// once.
///
/// 1.25 and newer: SIGTERM, sent by the kubelet after the hook, lets clients leave by themselves. Shortly before the
/// grace period ends, SHUTDOWN WAIT_FOR_SERVERS over the Unix socket lets the last transactions end. It is sent by a
/// process that the hook leaves behind, and that dies with the container if PgBouncer is done earlier. An image
/// without psql is stopped like the older versions.
std::string drain_script(const PgbouncerVersion& version, std::int32_t grace_period_seconds);

}  // namespace poolwright::render

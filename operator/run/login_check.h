// What operations on pods have to know of PostgreSQL: since when it serves, and whether it lets the users of a pool in,
// asked of PostgreSQL itself before connections are given up. Blocks; for workers.
#pragma once

#include "postgres/io_thread.h"
#include "reconcile/pod_operator.h"
#include "reconcile/secret_reader.h"
#include "run/failovers.h"
#include "run/pool_watch.h"

namespace poolwright::run {

struct LoginCheckParts {
  const PoolWatch& watch;
  reconcile::SecretReader& secrets;
  postgres::IoThread& thread;
  const Clock& clock;
};

/// Logs in once as each user of the pool. The error is of the first that is not let in.
Status check_logins(const LoginCheckParts& parts, const reconcile::Facts& facts, const CallLimits& limits);

/// Everything named outlives it.
reconcile::ServerKnowledge server_knowledge(const Failovers& failovers, const LoginCheckParts& parts);

}  // namespace poolwright::run

// Whether PostgreSQL lets the users of a pool in, asked of PostgreSQL itself before connections are given up.
// Blocks; for workers.
#pragma once

#include "postgres/io_thread.h"
#include "reconcile/pod_operator.h"

namespace poolwright::reconcile {

/// Logs in as at most this many users of the pool.
inline constexpr std::size_t kLoginsCheckedMax = 4;

/// The thread and clock must outlive the check.
LoginCheck make_login_check(postgres::IoThread& thread, const Clock& clock);

}  // namespace poolwright::reconcile

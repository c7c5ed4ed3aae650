// A moment in which PgBouncer makes no server connection. What it is told then may end any of its connections:
// RECONNECT, PAUSE, and a RELOAD that changes how the server is reached (up to 1.23 every RELOAD, where TLS may be
// used). Told during a login, it ends that too and counts it as refused; once its other connections are closed it turns
// clients away until the next login, at least server_login_retry later ("server login has been failing"). Source:
// disconnect_server, tag_pool_dirty and check_fast_fail in PgBouncer's objects.c.
#pragma once

#include <vector>

#include "base/deadline.h"
#include "pgbouncer/console.h"

namespace poolwright::pgbouncer {

struct LoginPace {
  Duration look{5};  // between two looks
  /// Without the next login for so long it is not waited for any longer: it may hang, and what is to be told may be the
  /// cure. PgBouncer opens one connection of a pool after the other, each in 150 ms and more on a busy machine.
  Duration login_limit{3'000};
  Duration limit{15'000};  // of all
  /// Clients that wait although there is room, and still no login in so many looks: PgBouncer waits, too, until it may
  /// try again.
  int idle_looks = 4;
  Duration command_limit{5'000};  // for one SHOW: to cut it would close the console
};

enum class LoginActivity {
  kNone,      // all connections that are needed are there
  kExpected,  // a client waits and there is room: a login begins as soon as PgBouncer looks at that client
  kRunning,
};

/// Pure. Of all pools of one PgBouncer.
LoginActivity login_activity(const std::vector<PoolRow>& pools, const std::vector<DatabaseRow>& databases);

/// Blocks until the moment has come, or until the pace's limit or the call's limits are over, or the console does not
/// answer (at most the command's limit longer). Says nothing of it: what follows is told in any case.
void await_quiet_logins(Console& console, const Clock& clock, const CallLimits& limits, const LoginPace& pace = {});

}  // namespace poolwright::pgbouncer

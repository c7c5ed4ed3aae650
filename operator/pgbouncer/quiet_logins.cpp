#include "pgbouncer/quiet_logins.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <utility>

#include "base/rest.h"

namespace poolwright::pgbouncer {

namespace {

/// Connections whose login is over.
std::int64_t open_in(const PoolRow& pool) { return pool.sv_active + pool.sv_idle + pool.sv_used + pool.sv_tested; }

std::int64_t open_in_all(const std::vector<PoolRow>& pools) {
  return std::accumulate(pools.begin(), pools.end(), std::int64_t{0},
                         [](std::int64_t sum, const PoolRow& pool) { return sum + open_in(pool); });
}

bool has_room(const PoolRow& pool, const std::vector<DatabaseRow>& databases) {
  const auto database = std::find_if(databases.begin(), databases.end(),
                                     [&](const DatabaseRow& row) { return row.name == pool.database; });
  return database != databases.end() && open_in(pool) < database->pool_size;
}

}  // namespace

LoginActivity login_activity(const std::vector<PoolRow>& pools, const std::vector<DatabaseRow>& databases) {
  const auto logs_in = [](const PoolRow& pool) { return pool.sv_login > 0; };
  const auto will_log_in = [&](const PoolRow& pool) { return pool.cl_waiting > 0 && has_room(pool, databases); };
  if (std::any_of(pools.begin(), pools.end(), logs_in)) return LoginActivity::kRunning;
  return std::any_of(pools.begin(), pools.end(), will_log_in) ? LoginActivity::kExpected : LoginActivity::kNone;
}

void await_quiet_logins(Console& console, const Clock& clock, const CallLimits& limits, const LoginPace& pace) {
  const Deadline patience = limits.deadline.at_most(pace.limit);
  const auto command_limits = [&] { return CallLimits{Deadline(clock, pace.command_limit), limits.stop}; };
  const auto databases = show_databases(console, command_limits());
  if (!databases) return;
  // Logins may be so short that no look meets one; that there are more connections than before tells of them.
  std::int64_t open = -1;
  int idle_looks = 0;
  Deadline next_login(clock, pace.login_limit);
  while (!patience.passed() && !limits.stop.stop_requested()) {
    const auto pools = show_pools(console, command_limits());
    if (!pools) return;
    const LoginActivity activity = login_activity(*pools, *databases);
    if (activity == LoginActivity::kNone) return;
    const std::int64_t open_before = std::exchange(open, open_in_all(*pools));
    if (open != open_before) next_login = Deadline(clock, pace.login_limit);
    idle_looks = open == open_before && activity == LoginActivity::kExpected ? idle_looks + 1 : 0;
    if (idle_looks >= pace.idle_looks || next_login.passed()) return;
    rest(pace.look, limits.stop);
  }
}

}  // namespace poolwright::pgbouncer

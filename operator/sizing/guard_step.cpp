#include "sizing/guard_step.h"

#include <algorithm>
#include <vector>

#include "sizing/allocator.h"

namespace poolwright::sizing {
namespace {

bool presses(const GuardClaim& claim) { return claim.is_guided && (claim.is_contending || claim.want > claim.size); }

double concurrency_of(const GuardClaim& claim) {
  const Demand& demand = claim.estimator->demand();
  return demand.busy * demand.statement_share;
}

double ask(KneeGuard& guard, double now_s, std::span<const GuardClaim> claims) {
  std::vector<GuardPool> pools;
  GuardTick tick{.now_s = now_s};
  for (const GuardClaim& claim : claims) {
    const Demand& demand = claim.estimator->demand();
    const bool is_doubtful = demand.doubt != Doubt::kNone && demand.doubt != Doubt::kWarmingUp;
    pools.push_back({.id = claim.id,
                     .window = claim.estimator->window(),
                     .busy = demand.busy,
                     .transactions = demand.transactions,
                     .statement_share = demand.statement_share,
                     .is_doubtful = is_doubtful});
    tick.is_contending |= claim.is_guided && claim.is_contending;
    tick.is_growth_wanted |= claim.is_guided && claim.is_growth_wanted;
  }
  tick.pools = pools;
  return guard.tick(tick);
}

}  // namespace

GuardVerdict apply_guard(KneeGuard& guard, double now_s, std::span<const GuardClaim> claims) {
  GuardVerdict verdict;
  verdict.cap = ask(guard, now_s, claims);
  verdict.state = guard.state();
  const bool is_capped = verdict.state != GuardState::kOpen;
  double left = verdict.cap;
  std::vector<Claim> pressing;
  for (const GuardClaim& claim : claims) {
    const Demand& demand = claim.estimator->demand();
    verdict.concurrency += concurrency_of(claim);
    if (!presses(claim)) {
      left -= concurrency_of(claim);
      continue;
    }
    // Leaked sessions hold servers, but no place in the server's concurrency.
    left += demand.leaked * demand.statement_share;
    pressing.push_back({.id = claim.id,
                        .cost = claim.pods * demand.statement_share,
                        .min = claim.min,
                        .max = std::max({claim.min, claim.want, is_capped ? claim.need : 0}),
                        .weight = claim.weight,
                        .size = claim.size});
  }
  const Shares shares = water_fill(std::max(left, 0.0), pressing);
  bool is_blocked = false;
  for (const GuardClaim& claim : claims) {
    if (!presses(claim)) continue;
    const int least = claim.is_frozen ? std::max(claim.min, std::min(claim.size, claim.want)) : claim.min;
    const int share = std::max(shares.units.at(claim.id), least);
    is_blocked |= !is_capped && claim.estimator->demand().is_queueing && share < claim.want;
    verdict.want[claim.id] = is_capped ? share : std::min(claim.want, std::max(share, claim.size));
  }
  guard.note_blocked(is_blocked);
  return verdict;
}

}  // namespace poolwright::sizing

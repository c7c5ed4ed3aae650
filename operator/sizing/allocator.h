// Shares one budget of connections between pools: weighted max-min fairness by water-filling, first for what pools need
// at this moment, then for headroom, then for memory. Pure, deterministic, independent of the order of its input.
#pragma once

#include <map>
#include <span>
#include <string>

namespace poolwright::sizing {

/// One claimant. Sizes are units (pool_size of one pod); each unit costs `cost` of the budget (its pods).
struct Claim {
  std::string id;
  double cost = 1;  // > 0
  int min = 1;
  int max = 1;
  double weight = 1;  // > 0
  /// Size now: the incumbent is preferred where a last unit could go to several.
  int size = 0;
};

struct Shares {
  std::map<std::string, int> units;
  /// The minimums did not fit: they were cut (down to 1, or to 0 where not even 1 each fits).
  bool is_infeasible = false;
};

/// min <= units <= max for every claim and the sum of cost * units <= budget, unless infeasible (then only the latter).
/// All claims get max if that fits. Otherwise units * cost / weight is level, up to one unit, between min and max.
Shares water_fill(double budget, std::span<const Claim> claims);

/// What one pool asks of the server's budget, in sizes per pod: bare <= need <= want after clamping.
struct TieredClaim {
  std::string id;
  int pods = 1;
  int min = 1;
  int max = 1;
  int bare = 1;
  int need = 1;
  int want = 1;
  double weight = 1;
  int size = 1;
  /// The size is not to be lowered on what is known now (doubtful observations): taken as its minimum where that fits.
  bool is_frozen = false;
  /// Clients wait: whatever is left of the budget is theirs, and worth a reload.
  bool is_urgent = false;
  /// Reserve that each pod may open on top of its size; taken off the budget first.
  int reserve_per_pod = 0;
  /// Share of the size that a change must pass to be made.
  double tolerance = 0.1;
};

/// The size of each pool within `budget`. 0 means that not even one connection a pod fits (infeasible): such a pool
/// must not be opened, and 0 must never be written (PgBouncer takes it for unlimited).
Shares allocate(int budget, std::span<const TieredClaim> claims);

}  // namespace poolwright::sizing

#include "sizing/allocator.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <tuple>
#include <vector>

namespace poolwright::sizing {
namespace {

constexpr int kBisections = 60;
constexpr double kRounding = 1e-9;

double used(std::span<const Claim> claims, const std::vector<int>& units) {
  double sum = 0.0;
  for (std::size_t i = 0; i < claims.size(); ++i) sum += claims[i].cost * units[i];
  return sum;
}

/// Units of every claim when each may have cost * units / weight up to `level`.
std::vector<int> units_at(std::span<const Claim> claims, double level) {
  std::vector<int> units;
  units.reserve(claims.size());
  for (const Claim& claim : claims) {
    const double exact = std::floor(level * claim.weight / claim.cost + kRounding);
    units.push_back(static_cast<int>(
        std::clamp(exact, static_cast<double>(claim.min), static_cast<double>(std::max(claim.min, claim.max)))));
  }
  return units;
}

std::vector<int> units_at_max(std::span<const Claim> claims) {
  std::vector<int> units;
  units.reserve(claims.size());
  for (const Claim& claim : claims) units.push_back(std::max(claim.min, claim.max));
  return units;
}

/// Highest level that fits, by bisection: 60 halvings are below the last bit of any real level.
std::vector<int> level_out(double budget, std::span<const Claim> claims) {
  double low = 0.0;
  double high = 1.0;
  for (const Claim& claim : claims) high = std::max(high, claim.cost * std::max(1, claim.max) / claim.weight + 1.0);
  for (int i = 0; i < kBisections; ++i) {
    const double middle = (low + high) / 2.0;
    if (used(claims, units_at(claims, middle)) <= budget) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return units_at(claims, low);
}

/// Whole units that the level could not split: one by one to whom it would leave lowest.
void give_leftovers(double budget, std::span<const Claim> claims, std::vector<int>& units) {
  double free = budget - used(claims, units);
  while (true) {
    const auto rank = [&](std::size_t i) {
      const double level = (units[i] + 1) * claims[i].cost / claims[i].weight;
      return std::make_tuple(std::round(level * 1e9), claims[i].size > units[i] ? 0 : 1, -claims[i].weight, i);
    };
    std::size_t best = claims.size();
    for (std::size_t i = 0; i < claims.size(); ++i) {
      if (units[i] >= claims[i].max || claims[i].cost > free) continue;
      if (best == claims.size() || rank(i) < rank(best)) best = i;
    }
    if (best == claims.size()) return;
    ++units[best];
    free -= claims[best].cost;
  }
}

std::vector<int> fill(double budget, std::span<const Claim> claims) {
  std::vector<int> units = units_at_max(claims);
  if (used(claims, units) <= budget) return units;
  units = level_out(budget, claims);
  give_leftovers(budget, claims, units);
  return units;
}

}  // namespace

Shares water_fill(double budget, std::span<const Claim> claims) {
  std::vector<Claim> sorted(claims.begin(), claims.end());
  std::sort(sorted.begin(), sorted.end(), [](const Claim& a, const Claim& b) { return a.id < b.id; });
  double minimums = 0.0;
  double ones = 0.0;
  for (Claim& claim : sorted) {
    claim.min = std::min(claim.min, claim.max);
    minimums += claim.cost * claim.min;
    ones += claim.cost;
  }
  Shares shares;
  shares.is_infeasible = minimums > budget;
  if (shares.is_infeasible) {
    for (Claim& claim : sorted) {
      claim.max = claim.min;
      claim.min = std::min(claim.min, ones <= budget ? 1 : 0);
    }
  }
  const std::vector<int> units = fill(budget, sorted);
  for (std::size_t i = 0; i < sorted.size(); ++i) shares.units[sorted[i].id] = units[i];
  return shares;
}

namespace {

Claim claim_of(const TieredClaim& tiered, int min, int max) {
  return {.id = tiered.id,
          .cost = static_cast<double>(tiered.pods),
          .min = min,
          .max = std::max(min, max),
          .weight = tiered.weight,
          .size = tiered.size};
}

/// Keeps pools whose share is close to their size (a reload for one connection helps nobody, and in a contended budget
/// shares jitter), and what pools have and want beyond their share, as long as nobody else is to have it.
Shares with_little_churn(double budget, std::span<const TieredClaim> claims, const Shares& shares) {
  Shares calm = shares;
  double sum = 0.0;
  for (const TieredClaim& claim : claims) {
    int& units = calm.units[claim.id];
    const bool is_close = std::abs(units - claim.size) <= std::max(1.0, claim.tolerance * claim.size);
    const bool is_allowed = claim.min <= claim.size && claim.size <= claim.max;
    const bool is_used = units < claim.size && claim.size <= claim.want;
    if (is_allowed && (is_close || is_used)) units = claim.size;
    sum += static_cast<double>(claim.pods) * units;
  }
  return sum <= budget ? calm : shares;
}

}  // namespace

Shares allocate(int budget, std::span<const TieredClaim> claims) {
  double left = budget;
  for (const TieredClaim& claim : claims) left -= static_cast<double>(claim.pods) * claim.reserve_per_pod;

  const auto fill_tier = [&](const std::function<Claim(const TieredClaim&)>& tier) {
    std::vector<Claim> plain;
    plain.reserve(claims.size());
    for (const TieredClaim& claim : claims) plain.push_back(tier(claim));
    return water_fill(left, plain);
  };
  const auto bare = [](const TieredClaim& claim) { return std::min(claim.want, claim.bare); };
  Shares shares = fill_tier([&](const TieredClaim& claim) {
    return claim_of(claim, claim.is_frozen ? std::max(claim.min, std::min(claim.size, claim.max)) : claim.min,
                    bare(claim));
  });
  // Frozen sizes are a wish; the budget is a promise.
  if (shares.is_infeasible) {
    shares = fill_tier([&](const TieredClaim& claim) { return claim_of(claim, claim.min, bare(claim)); });
  }
  if (shares.is_infeasible) return shares;
  shares = fill_tier([&](const TieredClaim& claim) {
    return claim_of(claim, shares.units.at(claim.id), std::min(claim.want, claim.need));
  });
  shares = fill_tier([&](const TieredClaim& claim) { return claim_of(claim, shares.units.at(claim.id), claim.want); });
  shares = with_little_churn(left, claims, shares);
  // Waiting clients get what is left, also where others do not take their share for now.
  return fill_tier([&](const TieredClaim& claim) {
    const int kept = shares.units.at(claim.id);
    return claim_of(claim, kept, claim.is_urgent ? claim.want : kept);
  });
}

}  // namespace poolwright::sizing

// The promises of the budget, each tried on thousands of random inputs; those of the control are in
// control_invariants_test.cpp. A failure prints its seed.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <numeric>

#include "sizing/allocator.h"
#include "sizing/setting_ledger.h"
#include "sizing/transition.h"
#include "unit/sizing/dice.h"
#include "unit/sizing/pool_fixture.h"

namespace poolwright::sizing {
namespace {

std::vector<Claim> random_claims(Dice& dice, int count) {
  constexpr std::array kWeights = {0.5, 1.0, 1.0, 2.0, 5.0};
  std::vector<Claim> claims;
  for (int i = 0; i < count; ++i) {
    Claim claim;
    claim.id = "p" + std::to_string(10 + i);
    claim.cost = dice.from(1, 4);
    claim.min = dice.from(1, 10);
    claim.max = claim.min + dice.from(0, 60);
    claim.weight = kWeights.at(static_cast<std::size_t>(dice.from(0, 4)));
    claim.size = dice.from(1, 60);
    claims.push_back(claim);
  }
  return claims;
}

double used(const std::vector<Claim>& claims, const Shares& shares) {
  double sum = 0;
  for (const Claim& claim : claims) sum += claim.cost * shares.units.at(claim.id);
  return sum;
}

void check_fairness(const std::vector<Claim>& claims, const Shares& shares, double budget) {
  double dearest = 0;
  for (const Claim& claim : claims) dearest = std::max(dearest, claim.cost);
  const double free = budget - used(claims, shares);
  for (const Claim& starved : claims) {
    const int units = shares.units.at(starved.id);
    ASSERT_GE(units, starved.min);
    ASSERT_LE(units, starved.max);
    if (units == starved.max) continue;
    ASSERT_LT(free, dearest) << "budget is left although " << starved.id << " wants more";
    for (const Claim& rich : claims) {
      if (shares.units.at(rich.id) <= rich.min || starved.cost > rich.cost) continue;
      ASSERT_LE((shares.units.at(rich.id) - 1) * rich.cost / rich.weight,
                (units + 1) * starved.cost / starved.weight + 1e-6)
          << rich.id << " is richer than " << starved.id;
    }
  }
}

TEST(Invariants, WaterFillKeepsBudgetBoundsAndFairness) {
  for (unsigned seed = 0; seed < 20000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Dice dice(seed);
    std::vector<Claim> claims = random_claims(dice, dice.from(1, 9));
    const double budget = dice.from(1, 400);
    const Shares shares = water_fill(budget, claims);
    ASSERT_LE(used(claims, shares), budget);

    std::vector<Claim> shuffled = claims;
    dice.shuffle(shuffled);
    ASSERT_EQ(water_fill(budget, shuffled).units, shares.units) << "the order of the input matters";

    double minimums = 0;
    double maximums = 0;
    for (const Claim& claim : claims) {
      minimums += claim.cost * claim.min;
      maximums += claim.cost * claim.max;
    }
    ASSERT_EQ(shares.is_infeasible, minimums > budget);
    if (shares.is_infeasible) continue;
    check_fairness(claims, shares, budget);
    if (maximums <= budget) {
      for (const Claim& claim : claims) ASSERT_EQ(shares.units.at(claim.id), claim.max);
    }

    Claim& greedy = claims[static_cast<std::size_t>(dice.from(0, static_cast<int>(claims.size()) - 1))];
    greedy.max += 5;
    ASSERT_GE(water_fill(budget, claims).units.at(greedy.id), shares.units.at(greedy.id) - 1)
        << "whoever wants more must not get less";
  }
}

/// A pool whose pods take settings late and in order, and close servers slowly.
struct Plant {
  struct Pod {
    int size = 1;
    int held = 0;
    std::int64_t running = 0;
    std::deque<std::pair<int, std::pair<std::int64_t, int>>> pending;  // when, serial, size
  };
  PoolInput pool;
  std::vector<Pod> pods;
  SettingLedger ledger;
  std::int64_t serial = 0;

  void send(Dice& dice, int tick, int size) {
    pool.size = size;
    ledger.issue(++serial, size);
    for (Pod& pod : pods) {
      const int earliest = pod.pending.empty() ? tick : pod.pending.back().first;
      pod.pending.push_back({std::max(earliest, tick + dice.from(0, 4)), {serial, size}});
    }
  }

  void second(Dice& dice, int tick) {
    for (Pod& pod : pods) {
      while (!pod.pending.empty() && pod.pending.front().first <= tick) {
        pod.running = pod.pending.front().second.first;
        pod.size = pod.pending.front().second.second;
        pod.pending.pop_front();
      }
      if (pod.held < pod.size) pod.held += dice.from(0, pod.size - pod.held);
      if (pod.held > pod.size) pod.held -= dice.from(0, std::min(2, pod.held - pod.size));
    }
  }

  void observe(double now_s) {
    pool.pod_inputs.clear();
    for (std::size_t i = 0; i < pods.size(); ++i) {
      const std::string name = "pod" + std::to_string(i);
      if (pods[i].running > 0) ledger.confirm(name, pods[i].running);
      PodObservation seen;
      seen.time_s = now_s;
      seen.pool_size = pods[i].size;
      seen.gauges.sv_active = pods[i].held;
      pool.pod_inputs.push_back({.name = name, .observation = seen, .ceiling = ledger.ceiling(name)});
    }
  }

  int held() const {
    return std::accumulate(pods.begin(), pods.end(), 0, [](int sum, const Pod& pod) { return sum + pod.held; });
  }
};

TEST(Invariants, RealConnectionsNeverPassTheBudgetDuringMoves) {
  for (unsigned seed = 0; seed < 400; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Dice dice(seed);
    const std::vector<Claim> claims = random_claims(dice, dice.from(2, 6));
    int minimums = 0;
    std::vector<Plant> plants(claims.size());
    for (std::size_t i = 0; i < claims.size(); ++i) {
      Plant& plant = plants[i];
      plant.pool.id = claims[i].id;
      plant.pool.pods = static_cast<int>(claims[i].cost);
      plant.pool.size = claims[i].min;
      minimums += plant.pool.pods * claims[i].min;
      for (int pod = 0; pod < plant.pool.pods; ++pod)
        plant.pods.push_back({.size = claims[i].min, .held = dice.from(0, claims[i].min)});
    }
    const int budget = dice.from(minimums, 400 + minimums);
    std::map<std::string, int> want;
    for (int tick = 0; tick < 200; ++tick) {
      if (tick % 30 == 0 && tick < 90) {
        std::vector<Claim> moved = claims;
        for (Claim& claim : moved) claim.max = claim.min + dice.from(0, 60);
        want = water_fill(budget, moved).units;
      }
      std::vector<Move> moves;
      for (Plant& plant : plants) {
        plant.observe(tick);
        moves.push_back({.id = plant.pool.id,
                         .pods = plant.pool.pods,
                         .size = plant.pool.size,
                         .want = want.at(plant.pool.id),
                         .committed = committed(plant.pool, DemandEstimator({}))});
      }
      const std::map<std::string, int> sizes = plan_transition(budget, moves);
      int total = 0;
      for (Plant& plant : plants) {
        if (sizes.at(plant.pool.id) != plant.pool.size) plant.send(dice, tick, sizes.at(plant.pool.id));
        plant.second(dice, tick);
        total += plant.held();
      }
      ASSERT_LE(total, budget) << "tick " << tick;
    }
    for (const Plant& plant : plants) ASSERT_EQ(plant.pool.size, want.at(plant.pool.id)) << "the move never ends";
  }
}

struct RandomPool {
  FakePod pod;
  double load = 0;
  PoolInput input;
};

TEST(Invariants, AnyInputGivesBoundedSizesWithinTheBudgetInAnyOrder) {
  for (unsigned seed = 0; seed < 150; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Dice dice(seed);
    const int count = dice.from(1, 5);
    std::vector<RandomPool> pools;
    for (int i = 0; i < count; ++i) {
      RandomPool pool{.pod = FakePod("pod", 3), .load = dice.real(0, 40), .input = {}};
      pool.input = pool_of("p" + std::to_string(i), 3, {});
      pool.input.limits.min = dice.from(1, 4);
      pool.input.limits.max = pool.input.limits.min + dice.from(0, 80);
      pools.push_back(std::move(pool));
    }
    const int budget = count * 4 + dice.from(0, 120);
    ServerSizer sizer({});
    ServerSizer shuffled_sizer({});
    for (int t = 1; t < 200; ++t) {
      ServerInput input{.time_s = static_cast<double>(t), .budget = budget, .pools = {}};
      for (RandomPool& pool : pools) {
        if (dice.chance(0.05)) pool.load = dice.real(0, 60);
        if (dice.chance(0.01)) pool.pod.restart();
        const double busy = std::min(pool.load, static_cast<double>(pool.input.size));
        const int waiting = static_cast<int>(5 * std::max(0.0, pool.load - busy));
        pool.input.pod_inputs = {pool.pod.after_second(t, {.busy = busy, .waiting = waiting})};
        if (dice.chance(0.05)) pool.input.pod_inputs[0].observation.reset();
        input.pools.push_back(pool.input);
      }
      const ServerDecision decision = sizer.decide(input);
      dice.shuffle(input.pools);
      const ServerDecision shuffled = shuffled_sizer.decide(input);
      ASSERT_LE(decision.committed_after, std::max(budget, decision.committed_before));
      for (std::size_t i = 0; i < pools.size(); ++i) {
        const PoolDecision& one = decision.pools.at(i);
        ASSERT_EQ(one.size, shuffled.pools.at(i).size) << "the order of the pools matters";
        ASSERT_GE(one.size, 1);
        ASSERT_TRUE(std::isfinite(one.why.load));
        ASSERT_LE(one.size, std::max(pools[i].input.limits.max, pools[i].input.size));
        if (one.why.doubt != Doubt::kNone && pools[i].input.size <= pools[i].input.limits.max &&
            !decision.is_budget_exceeded) {
          ASSERT_GE(one.size, pools[i].input.size) << "shrunk in doubt (" << to_string(one.why.doubt) << ")";
        }
        pools[i].input.size = one.size;
        pools[i].pod.set_size(one.size);
      }
    }
  }
}

}  // namespace
}  // namespace poolwright::sizing

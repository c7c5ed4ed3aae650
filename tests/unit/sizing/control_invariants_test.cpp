// The promises of estimator, recommendation and knee guard, each tried on many random loads; those of the budget are in
// invariants_test.cpp. A failure prints its seed.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "sizing/guard_step.h"
#include "unit/sizing/dice.h"
#include "unit/sizing/pool_fixture.h"

namespace poolwright::sizing {
namespace {

/// What one pool of `size` shows of clients that want `demand` servers.
Load load_of(double demand, int size) {
  const double busy = std::min(demand, static_cast<double>(size));
  return {.busy = busy, .waiting = static_cast<int>(3 * (demand - busy)), .transactions = 20 * busy};
}

TEST(ControlInvariants, LoadIsFiniteAndNoMoreThanWhatIsHeldAndWaits) {
  constexpr double kImbalance = 1.25;
  for (unsigned seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Dice dice(seed);
    DemandEstimator estimator{EstimatorParameters{}};
    PodObservation seen{.pool_size = 60};
    double now_s = 0;
    for (int t = 0; t < 60; ++t) {
      now_s += dice.chance(0.05) ? dice.real(5, 30) : 1;
      seen.time_s = now_s;
      PodCounters& counters = seen.counters;
      if (dice.chance(0.05)) counters = {};
      const double waited = dice.real(0, 20);
      // Now and then a transaction of an hour ends.
      const double in_transaction = waited + (dice.chance(0.05) ? 3600 : dice.real(0, 60));
      counters.wait_time_us += waited * 1e6;
      counters.xact_time_us += in_transaction * 1e6;
      counters.query_time_us += in_transaction * 1e6;
      counters.xact_count += dice.from(0, 3) == 0 ? 0 : dice.from(0, 5000);
      seen.gauges = {.sv_active = dice.from(0, 50), .sv_idle = dice.from(0, 10), .cl_waiting = dice.from(0, 200)};
      PodObservation told = seen;
      if (dice.chance(0.05)) told.counters.xact_time_us = std::numeric_limits<double>::quiet_NaN();
      estimator.observe(now_s, pool_of("a", 60, {.name = "pod", .observation = told}));
      const Demand& demand = estimator.demand();
      ASSERT_TRUE(std::isfinite(demand.load));
      ASSERT_GE(demand.load, 0);
      // The queue grows by no more clients a second than wait now.
      if (demand.is_fresh) {
        ASSERT_LE(demand.load, kImbalance * (60 + 2 * demand.waiting)) << t;
      }
    }
  }
}

TEST(ControlInvariants, LeakedSessionsNeverRaiseTheLoad) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Dice dice(seed);
    FakePod pod("pod", 30);
    DemandEstimator clean{EstimatorParameters{}};
    DemandEstimator leaking{EstimatorParameters{}};
    for (int t = 1; t < 60; ++t) {
      PoolInput pool = pool_of(
          "a", 30, pod.after_second(t, {.busy = dice.real(0, 30), .waiting = dice.from(0, 3), .transactions = 50}));
      clean.observe(t, pool);
      pool.leaked = dice.from(0, 30);
      leaking.observe(t, pool);
      ASSERT_LE(leaking.demand().load, clean.demand().load + 1e-9) << t;
    }
  }
}

TEST(ControlInvariants, SizesMoveOnlyAsTheirPolicySays) {
  for (unsigned seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Dice dice(seed);
    Parameters parameters;
    parameters.guard.enabled = false;
    OnePool server(dice.from(1, 60), parameters);
    server.limits.max = dice.from(1, 80);
    double demand = dice.real(0, 50);
    double shrunk_at_s = -1e9;
    for (int t = 0; t < 900; ++t) {
      if (dice.chance(0.01)) demand = dice.real(0, 50);
      server.leaked = dice.chance(0.02) ? dice.from(0, 90) : 0;
      const int before = server.size();
      const double noise = dice.real(0.7, 1.3);
      const PoolDecision decision = server.second(load_of(demand * noise, before));
      const Explanation& why = decision.why;
      ASSERT_LE(why.leak_compensation, server.limits.max / 2);
      if (before > server.limits.max) continue;  // only at the start
      const bool is_close = why.now >= 0.9 * before && why.now <= 1.1 * before;
      if (why.waiting == 0 && is_close && why.doubt == Doubt::kNone) {
        ASSERT_EQ(decision.size, before) << "second " << t;
      }
      if (decision.size >= before) continue;
      ASSERT_GE(decision.size, why.window_max) << "second " << t;
      ASSERT_TRUE(decision.size >= 0.75 * before || decision.size == before - 1) << before << " to " << decision.size;
      ASSERT_GE(server.now_s() - shrunk_at_s, 15) << "second " << t;
      shrunk_at_s = server.now_s();
    }
  }
}

TEST(ControlInvariants, UnderASteadyLoadSizesComeToRestAlsoWhereTheBudgetIsTooSmall) {
  constexpr std::array kWeights = {0.5, 1.0, 2.0, 5.0};
  for (unsigned seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Dice dice(seed);
    Parameters parameters;
    parameters.guard.enabled = false;
    ServerSizer sizer(parameters);
    std::vector<FakePod> pods;
    std::vector<PoolInput> pools;
    std::vector<double> demands;
    for (int i = dice.from(2, 5); i > 0; --i) {
      const std::string id = "p" + std::to_string(i);
      pods.emplace_back("pod", 2);
      pools.push_back(pool_of(id, 2, {}));
      pools.back().weight = kWeights.at(static_cast<std::size_t>(dice.from(0, 3)));
      demands.push_back(dice.real(0, 20));
    }
    const int budget = dice.from(2 * static_cast<int>(pools.size()), 60);
    for (int t = 1; t < 600; ++t) {
      ServerInput input{.time_s = static_cast<double>(t), .budget = budget};
      for (std::size_t i = 0; i < pools.size(); ++i) {
        pools[i].pod_inputs = {pods[i].after_second(t, load_of(demands[i], pools[i].size))};
        input.pools.push_back(pools[i]);
      }
      const ServerDecision decision = sizer.decide(input);
      int sum = 0;
      bool is_somebody_waiting = false;
      for (std::size_t i = 0; i < pools.size(); ++i) {
        const PoolDecision* one = nullptr;
        for (const PoolDecision& pool : decision.pools) {
          if (pool.id == pools[i].id) one = &pool;
        }
        if (t > 540) {
          ASSERT_EQ(one->size, pools[i].size) << pools[i].id << ", second " << t;
        }
        pools[i].size = one->size;
        pods[i].set_size(one->size);
        sum += one->size;
        is_somebody_waiting |= one->why.is_queueing;
      }
      if (t > 540 && is_somebody_waiting) {
        ASSERT_EQ(sum, budget) << "clients wait, and connections are left";
      }
    }
  }
}

/// Pools of one server that does the most work at `knee` statements, sized by nothing but the guard.
class GuardedServer {
 public:
  GuardedServer(Dice& dice, int pools) : dice_(dice), knee_(dice.real(20, 80)) {
    for (int i = 0; i < pools; ++i) {
      pools_.emplace_back(std::make_unique<Pool>("p" + std::to_string(i)));
      pools_.back()->demand = demand();
    }
  }

  GuardVerdict second(KneeGuard& guard) {
    now_s_ += 1;
    double running = 0;
    for (const auto& pool : pools_) running += std::min(pool->demand, static_cast<double>(pool->size));
    const double over = std::max(0.0, running - knee_);
    const double speed = running > 0 ? std::max(0.1, (std::min(running, knee_) - 0.2 * over) / running) : 1;
    claims.clear();
    for (const auto& pool : pools_) {
      if (dice_.chance(0.005)) pool->demand = demand();
      Load load = load_of(pool->demand, pool->size);
      load.transactions = 100 * load.busy * speed * dice_.real(0.95, 1.05);
      const PoolInput input = pool_of(pool->id, pool->size, pool->pod.after_second(now_s_, load));
      pool->estimator.observe(now_s_, input);
      const bool is_pressed = load.waiting > 0;
      claims.push_back({.id = pool->id,
                        .estimator = &pool->estimator,
                        .size = pool->size,
                        .need = std::max(1, static_cast<int>(pool->demand)),
                        .want = is_pressed ? pool->size + dice_.from(1, 8) : pool->size,
                        .is_contending = is_pressed,
                        .is_growth_wanted = is_pressed});
    }
    const GuardVerdict verdict = apply_guard(guard, now_s_, claims);
    for (const auto& pool : pools_) {
      const auto found = verdict.want.find(pool->id);
      if (found != verdict.want.end()) pool->size = found->second;
      pool->pod.set_size(pool->size);
    }
    return verdict;
  }

  std::vector<GuardClaim> claims;  // of the last second

 private:
  struct Pool {
    explicit Pool(std::string name) : id(std::move(name)), pod("pod", 4) {}
    std::string id;
    FakePod pod;
    DemandEstimator estimator{EstimatorParameters{}};
    double demand = 0;
    int size = 4;
  };

  double demand() { return dice_.chance(0.3) ? dice_.real(0, 3) : dice_.real(0, 100); }

  Dice& dice_;
  double knee_;
  double now_s_ = 0;
  std::vector<std::unique_ptr<Pool>> pools_;
};

/// What the pools that press may use, by the sizes that the verdict gives them, and what the others use.
void check_cap(const std::vector<GuardClaim>& claims, const GuardVerdict& verdict) {
  double pressing = 0;
  double rest = 0;
  double units = 0;
  double minimums = 0;
  for (const GuardClaim& claim : claims) {
    const Demand& demand = claim.estimator->demand();
    const auto size = verdict.want.find(claim.id);
    if (size == verdict.want.end()) {
      rest += demand.busy * demand.statement_share;
      continue;
    }
    pressing += claim.pods * size->second * demand.statement_share;
    units += claim.pods * demand.statement_share;
    minimums += claim.pods * claim.min * demand.statement_share;
  }
  ASSERT_LE(pressing, std::max(verdict.cap - rest, minimums) + units);
}

TEST(ControlInvariants, ASaturatedServerGrowsOnlyByProbesThatAreGivenBackUnlessTheyPay) {
  const GuardParameters parameters;
  int saturated = 0;
  int given_back = 0;
  for (unsigned seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Dice dice(seed);
    KneeGuard guard{parameters};
    GuardedServer server(dice, dice.from(1, 4));
    std::optional<double> ceiling;   // of the second before, while saturated
    std::optional<double> restored;  // ceiling before the probe that runs
    std::optional<GuardEvent> last;
    for (int t = 0; t < 600; ++t) {
      const GuardVerdict verdict = server.second(guard);
      ASSERT_GE(guard.proven(), parameters.initial_safe);
      if (verdict.state != GuardState::kOpen) {
        ASSERT_NO_FATAL_FAILURE(check_cap(server.claims, verdict));
      }
      const bool is_new = !guard.events().empty() && (!last || guard.events().back().time_s != last->time_s);
      if (is_new) last = guard.events().back();
      if (verdict.state == GuardState::kSaturated && ceiling) {
        ++saturated;
        const double step = verdict.cap / *ceiling;
        if (is_new && last->kind == GuardEvent::Kind::kProbe) {
          ASSERT_TRUE(restored) << "a probe that nobody saw begin";
          ASSERT_DOUBLE_EQ(verdict.cap, last->is_kept ? *ceiling : *restored) << "second " << t;
          given_back += !last->is_kept;
          restored.reset();
        } else if (is_new) {
          restored.reset();
        } else if (std::abs(step - 1) > 1e-9) {
          ASSERT_FALSE(restored) << "moved while a probe runs, second " << t;
          ASSERT_LE(step, 1 + parameters.probe_step_max + 1e-9) << "second " << t;
          restored = *ceiling;
        }
      }
      if (verdict.state == GuardState::kOpen) restored.reset();
      ceiling = verdict.state == GuardState::kSaturated ? std::optional(verdict.cap) : std::nullopt;
    }
  }
  EXPECT_GT(saturated, 1000);
  EXPECT_GT(given_back, 50);
}

}  // namespace
}  // namespace poolwright::sizing

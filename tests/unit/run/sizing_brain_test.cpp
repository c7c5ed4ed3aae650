#include "run/sizing_brain.h"

#include <gtest/gtest.h>

#include "reconcile/size_advice.h"
#include "unit/run/sizing_world.h"

namespace poolwright::run {
namespace {

constexpr MonotonicTime kStart{std::chrono::hours{1}};

const PoolKey kOrders{"shop", "orders"};
const PoolKey kBilling{"shop", "billing"};

std::string condition_reason(const reconcile::PoolAdvice& advice, const std::string& type) {
  if (!advice.report) return "no report";
  for (const api::Condition& condition : advice.report->conditions) {
    if (condition.type == type) return condition.reason;
  }
  return "no condition";
}

SizingWorld world(std::vector<PoolSighting> pools, int second = 0) {
  return {.now = kStart + std::chrono::seconds{second}, .pools = std::move(pools)};
}

TEST(Brain, ANewPoolGetsItsInitialSizeWhereTheBudgetIsFree) {
  SizingBrain brain{{}};
  const SizingOutcome outcome = brain.decide(world({pool("orders", "db", 2)}));
  const PoolOutcome& orders = outcome.pools.at(kOrders);
  EXPECT_TRUE(orders.is_news);
  EXPECT_EQ(orders.advice.sizes.at("app").size, 10);
  EXPECT_EQ(orders.advice.sizes.at("app").approved, 10);
  EXPECT_EQ(condition_reason(orders.advice, api::condition::kBudgetExceeded), "WithinBudget");
  EXPECT_FALSE(brain.decide(world({pool("orders", "db", 2)}, 1)).pools.at(kOrders).is_news) << "nothing changed";
}

TEST(Brain, ANewPoolStartsOnlyWithWhatOthersDoNotHave) {
  SizingBrain brain{{}};
  PoolSighting orders = pool("orders", "db", 1);
  orders.facts.pool.spec.postgres.connection_budget.max = 22;
  orders.facts.sizes["app"] = 20;
  add_pod(orders, "o1", kStart, 20, 20);
  const SizingOutcome outcome = brain.decide(world({orders, pool("billing", "DB.shop.svc", 2)}));
  ASSERT_EQ(outcome.snapshot->servers.size(), 1U) << "two spellings, one server, the smaller budget";
  EXPECT_EQ(outcome.snapshot->servers[0].budget.connections, 22);
  EXPECT_LE(outcome.pools.at(kBilling).advice.sizes.at("app").approved, 2);
}

TEST(Brain, AboveTheBudgetNothingIsApprovedThatDoesNotRun) {
  SizingBrain brain{{}};
  PoolSighting orders = pool("orders", "db", 1);
  orders.facts.pool.spec.postgres.connection_budget.max = 15;
  orders.facts.sizes["app"] = 20;
  add_pod(orders, "o1", kStart, 20, 20);
  const SizingOutcome outcome = brain.decide(world({orders, pool("billing", "db", 1)}));
  EXPECT_EQ(outcome.pools.at(kBilling).advice.sizes.at("app").approved, 0) << "it waits until the other has shrunk";
  EXPECT_LE(outcome.pools.at(kOrders).advice.sizes.at("app").size, 15) << "which is told so at once";
}

TEST(Brain, ASizeThatWasSentCountsUntilEveryPodHasConfirmedASmallerOne) {
  SizingBrain brain{{}};
  PoolSighting orders = pool("orders", "db", 1);
  orders.facts.pool.spec.postgres.connection_budget.max = 30;
  orders.facts.sizes["app"] = 10;
  add_pod(orders, "o1", kStart, 10, 10);
  const SizingOutcome first = brain.decide(world({orders}));
  // Who was here before may have sent anything up to the maximum of 20.
  EXPECT_EQ(brain.decide(world({orders}, 1)).snapshot->databases[0].committed, 20);
  brain.confirm(kOrders, "o1", first.pools.at(kOrders).advice.serial);
  EXPECT_EQ(brain.decide(world({orders}, 2)).snapshot->databases[0].committed, 10);
}

TEST(Brain, MorePodsShareTheSameTotal) {
  SizingBrain brain{{}};
  brain.decide(world({pool("orders", "db", 2)}));
  const SizingOutcome outcome = brain.decide(world({pool("orders", "db", 3)}, 1));
  EXPECT_EQ(outcome.pools.at(kOrders).advice.sizes.at("app").size, 10);
  EXPECT_EQ(outcome.snapshot->databases[0].size_per_pod, 3);
}

TEST(Brain, AConnectionThatWasJustClosedCountsForAMoment) {
  SizingBrain brain{{}};
  const auto committed_at = [&](int second, int held) {
    PoolSighting orders = pool("orders", "db", 1);
    orders.facts.pool.spec.sizing.mode = api::SizingMode::kRecommend;
    orders.facts.sizes["app"] = 4;
    add_pod(orders, "o1", kStart + std::chrono::seconds{second}, 4, held);
    orders.facts.pods[0].may_hold = render::PodHolds{{"app", {4, 0}}};
    return brain.decide(world({orders}, second)).snapshot->databases[0].committed;
  };
  EXPECT_EQ(committed_at(0, 9), 9) << "above its size";
  EXPECT_EQ(committed_at(1, 4), 9) << "PostgreSQL may not have ended them yet";
  EXPECT_EQ(committed_at(3, 4), 4);
}

TEST(Brain, AStoppingPodKeepsItsShareOfTheSizeAndOfTheBudget) {
  SizingBrain brain{{}};
  PoolSighting orders = pool("orders", "db", 2);
  orders.facts.pool.spec.sizing.mode = api::SizingMode::kFixed;
  orders.facts.pool.spec.postgres.connection_budget.max = 14;
  for (const char* uid : {"o1", "o2"}) add_pod(orders, uid, kStart, 5, 5);
  for (auto& pod : orders.facts.pods) pod.may_hold = render::PodHolds{{"app", {5, 0}}};
  orders.facts.sizes["app"] = 10;
  brain.decide(world({orders}));
  // One is evicted, and a new one waits at its gate.
  orders.facts.pods[1].terminating = true;
  orders.seen.erase("o2");
  orders.facts.pods.push_back({.name = "o3", .uid = "o3", .at_gate = true, .has_gate = true});
  const SizingOutcome outcome = brain.decide(world({orders, pool("billing", "db", 1)}, 1));
  const reconcile::SizeAdvice& advice = outcome.pools.at(kOrders).advice.sizes.at("app");
  EXPECT_EQ(advice.size, 10) << "the size is what it was";
  EXPECT_LE(advice.approved, 10);
  EXPECT_EQ(outcome.snapshot->databases.back().size_per_pod, 2) << "five that are left over two pods";
  EXPECT_LE(outcome.snapshot->servers[0].committed, 14 + 3) << "the one that stops and the one that runs";
  EXPECT_LE(outcome.pools.at(kBilling).advice.sizes.at("app").approved, 4);
}

TEST(Brain, MinimumsThatDoNotFitAreToldWithTheArithmetic) {
  SizingBrain brain{{}};
  PoolSighting orders = pool("orders", "db", 1);
  orders.facts.pool.spec.postgres.connection_budget.max = 5;
  orders.facts.pool.spec.databases[0].pool_size.min = 8;
  const SizingOutcome outcome = brain.decide(world({orders}));
  EXPECT_EQ(condition_reason(outcome.pools.at(kOrders).advice, api::condition::kBudgetExceeded), "MinimumsDoNotFit");
  EXPECT_LE(outcome.pools.at(kOrders).advice.sizes.at("app").approved, 5);
}

/// Two pools of which the first holds more than it may, and the other waits for it.
SizingWorld crowded(int second, bool with_other, bool grows) {
  PoolSighting orders = pool("orders", "db", 1);
  orders.facts.pool.spec.postgres.connection_budget.max = 15;
  orders.facts.pool.spec.sizing.mode = api::SizingMode::kRecommend;
  orders.facts.sizes["app"] = 20;
  const int live = second == 0 ? 20 : 13;
  add_pod(orders, "o1", kStart + std::chrono::seconds{second}, live, grows && second > 0 ? 20 : 19);
  std::vector<PoolSighting> pools{orders};
  if (with_other) pools.push_back(pool("billing", "db", 1));
  return world(pools, second);
}

TEST(Brain, ASaturatedPoolIsMadeToShrinkOnlyWhereOthersNeedItAndLoginsWork) {
  SizingBrain brain{{}};
  std::size_t reconnects = 0;
  for (int second = 0; second < 8; ++second) {
    const SizingOutcome outcome = brain.decide(crowded(second, true, true));
    reconnects += outcome.reconnects.size();
    const auto& sizes = outcome.pools.at(kOrders).advice.sizes;
    if (second == 0) {
      EXPECT_EQ(sizes.at("app").size, 13) << "two are the other's minimum";
    }
  }
  EXPECT_EQ(reconnects, 1U) << "once, and not again for a while";
}

TEST(Brain, NothingIsRenewedWhileAConnectionLogsIn) {
  SizingBrain brain{{}};
  const auto reconnects_at = [&](int second, int logins) {
    SizingWorld world = crowded(second, true, true);
    pgbouncer::PodObservation seen = *world.pools[0].seen.at("o1");
    seen.pools[0].sv_login = logins;
    world.pools[0].seen["o1"] = std::make_shared<pgbouncer::PodObservation>(seen);
    return brain.decide(world).reconnects.size();
  };
  for (int second = 0; second < 8; ++second) EXPECT_EQ(reconnects_at(second, 1), 0U);
  EXPECT_EQ(reconnects_at(8, 0), 1U) << "as soon as it is over";
}

TEST(Brain, WhereNobodyWasSeenToLogInTheOperatorTriesIt) {
  SizingBrain brain{{}};
  struct Seen {
    std::size_t reconnects = 0;
    int asked = 0;  // looks at which the advice asks
  };
  const auto look = [&](int from, int to) {
    Seen seen;
    for (int second = from; second < to; ++second) {
      const SizingOutcome outcome = brain.decide(crowded(second, true, false));
      seen.reconnects += outcome.reconnects.size();
      if (outcome.pools.at(kOrders).advice.check_logins) ++seen.asked;
    }
    return seen;
  };
  const auto answer = [&](bool are_let_in, int second) {
    brain.logins_checked(kOrders, are_let_in, kStart + std::chrono::seconds{second});
  };
  look(0, 2);  // they were opened now, which proves it for a minute
  Seen seen = look(70, 76);
  EXPECT_EQ(seen.reconnects, 0U);
  EXPECT_GT(seen.asked, 1) << "until it is answered";
  answer(false, 76);
  seen = look(76, 95);
  EXPECT_EQ(seen.reconnects, 0U) << "closing them would empty the pool";
  EXPECT_EQ(seen.asked, 0) << "not again at once";
  EXPECT_GT(look(95, 110).asked, 0);
  answer(true, 110);
  EXPECT_EQ(look(110, 120).reconnects, 1U) << "what was true then proves nothing for long";
}

TEST(FittingSize, KeepsToWhatIsApprovedForEveryNumberOfPods) {
  api::Database app = database("app", 2, 100, 10);
  app.reserve_pool_size = 5;
  for (int approved = 1; approved < 60; ++approved) {
    for (int slots = 1; slots < 12; ++slots) {
      const auto fit =
          reconcile::fitting_size({.size = 40, .approved = approved}, app, {.pods = slots, .least = slots + 1});
      const int least = slots * (1 + 5 / slots);
      ASSERT_EQ(fit.has_value(), least <= approved) << approved << " on " << slots;
      if (!fit) continue;
      const int share = std::max(1, fit->size / slots);
      EXPECT_LE(slots * (share + 5 / slots), approved) << approved << " on " << slots;
    }
  }
}

TEST(Brain, SessionsAreToBeEndedOnlyWhereTheSpecSaysSo) {
  PoolSighting orders = pool("orders", "db", 1);
  add_pod(orders, "o1", kStart, 10, 3);
  auto seen = std::make_shared<postgres::ServerObservation>();
  seen->is_connected = true;
  seen->observed_at = kStart;
  seen->facts = {.max_connections = 100, .sees_all_sessions = true};
  seen->idle_in_transaction = {
      {.pid = 7, .user = "app_user", .database = "app", .application_name = "api", .idle_seconds = 70, .mark = "1-2-3"},
      {.pid = 8, .user = "app_user", .database = "app", .idle_seconds = 50},
      {.pid = 9, .user = "somebody", .database = "app", .idle_seconds = 90}};
  const auto leak = [&](const PoolSighting& one) {
    SizingWorld now = world({one});
    now.servers[server_name(one.facts.pool)] = seen;
    return SizingBrain{{}}.decide(now).snapshot->databases.at(0).leak;
  };
  EXPECT_EQ(leak(orders).count, 2);
  EXPECT_TRUE(leak(orders).overdue.sessions.empty()) << "off by default";

  orders.facts.pool.spec.sizing.leaks = {.suspect_after_seconds = 60, .terminate_after_seconds = 60};
  const LeakSighting wanted = leak(orders);
  EXPECT_EQ(wanted.count, 1) << "the threshold is the spec's";
  ASSERT_EQ(wanted.overdue.sessions.size(), 1U);
  EXPECT_EQ(wanted.overdue.sessions[0].pid, 7);
  EXPECT_EQ(wanted.overdue.sessions[0].mark, "1-2-3");
  EXPECT_EQ(wanted.overdue.user, "app_user");
  EXPECT_EQ(wanted.overdue.server, server_name(orders.facts.pool));
  EXPECT_EQ(wanted.overdue.pods, std::vector<std::string>{"o1"});

  orders.is_paused = true;
  EXPECT_TRUE(leak(orders).overdue.sessions.empty()) << "nothing of the pool is to be changed";
}

}  // namespace
}  // namespace poolwright::run

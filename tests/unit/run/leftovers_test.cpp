#include "run/leftovers.h"

#include <gtest/gtest.h>

#include "run/sizing_brain.h"
#include "unit/run/sizing_world.h"

namespace poolwright::run {
namespace {

constexpr MonotonicTime kStart{std::chrono::hours{1}};
const PoolKey kOrders{"shop", "orders"};
const PoolKey kBilling{"shop", "billing"};

SizingWorld world(std::vector<PoolSighting> pools, int second) {
  return {.now = kStart + std::chrono::seconds{second}, .pools = std::move(pools)};
}

/// One pod that runs with `size` and holds as much; `reach` is recorded on it.
PoolSighting running(const std::string& name, const std::string& host, int size, const std::set<std::string>& reach,
                     int second = 0) {
  PoolSighting made = pool(name, host, 1);
  made.facts.pool.spec.sizing.mode = api::SizingMode::kFixed;
  made.facts.pool.spec.databases[0].pool_size.initial = size;
  made.facts.sizes["app"] = size;
  add_pod(made, name + "-1", kStart + std::chrono::seconds{second}, size, size);
  made.facts.pods[0].may_hold = render::PodHolds{{"app", {size, 0}}};
  made.facts.pods[0].may_reach = reach;
  return made;
}

/// A pool that wants more than it has.
PoolSighting hungry(const std::string& name, const std::string& host, int second = 0) {
  PoolSighting made = running(name, host, 4, {host + ":5432"}, second);
  made.facts.pool.spec.databases[0].pool_size = {.min = 2, .max = 40, .initial = 40};
  return made;
}

int approved(const SizingOutcome& outcome, const PoolKey& pool) {
  return outcome.pools.at(pool).advice.sizes.at("app").approved;
}

TEST(Leftovers, WhatAMovedPoolHasOnTheServerOfBeforeStaysOffItsBudgetUntilItIsGone) {
  SizingBrain brain{{}};
  PoolSighting orders = running("orders", "old", 20, {"old:5432"});
  SizingOutcome outcome = brain.decide(world({orders, hungry("billing", "old")}, 0));
  brain.confirm(kOrders, "orders-1", outcome.pools.at(kOrders).advice.serial);
  brain.confirm(kBilling, "billing-1", outcome.pools.at(kBilling).advice.serial);

  // The spec names the new server; nobody has told the pod yet. Then it was told, and its transactions run on.
  for (const std::set<std::string>& reach : {std::set<std::string>{"old:5432"}, {"new:5432", "old:5432"}}) {
    const int second = reach.size() == 1 ? 1 : 2;
    orders = running("orders", "new", 20, reach, second);
    outcome = brain.decide(world({orders, hungry("billing", "old", second)}, second));
    EXPECT_LE(approved(outcome, kBilling), 20) << "of 40, twenty are left behind";
    EXPECT_EQ(approved(outcome, kOrders), 20) << "its server has room";
    const ServerSizing& old = outcome.snapshot->servers.back();
    EXPECT_EQ(old.id, "old.shop.svc:5432");
    EXPECT_NE(old.who_takes_what.find("shop/orders/app (left behind) 20"), std::string::npos) << old.who_takes_what;
  }

  // The last of them has ended; PostgreSQL has a moment to end it, too.
  brain.confirm(kOrders, "orders-1", outcome.pools.at(kOrders).advice.serial);
  for (int second = 3; second < 6; ++second) {
    orders = running("orders", "new", 20, {"new:5432"}, second);
    outcome = brain.decide(world({orders, hungry("billing", "old", second)}, second));
    if (second == 3) {
      EXPECT_LE(approved(outcome, kBilling), 20);
    }
  }
  EXPECT_EQ(approved(outcome, kBilling), 40);
  EXPECT_EQ(outcome.snapshot->servers.back().who_takes_what, "shop/billing/app 40");
}

TEST(Leftovers, AMovedPoolGetsOnTheNewServerOnlyWhatIsFreeThere) {
  SizingBrain brain{{}};
  PoolSighting billing = running("billing", "new", 18, {"new:5432"});
  billing.facts.pool.spec.postgres.connection_budget.max = 25;
  SizingOutcome outcome = brain.decide(world({running("orders", "old", 20, {"old:5432"}), billing}, 0));
  brain.confirm(kBilling, "billing-1", outcome.pools.at(kBilling).advice.serial);

  PoolSighting orders = running("orders", "new", 20, {"old:5432"}, 1);
  outcome = brain.decide(world({orders, billing}, 1));
  EXPECT_LE(approved(outcome, kOrders), 25 - 18) << "what runs elsewhere gives no right here";
  EXPECT_LE(outcome.pools.at(kBilling).advice.sizes.at("app").size, 18);
  EXPECT_GE(approved(outcome, kOrders), 1);
}

TEST(Leftovers, WhereTheNewServerHasNoRoomThePoolStaysWhereItIs) {
  SizingBrain brain{{}};
  PoolSighting billing = running("billing", "new", 20, {"new:5432"});
  billing.facts.pool.spec.databases[0].pool_size = {.min = 20, .max = 20, .initial = 20};
  billing.facts.pool.spec.postgres.connection_budget.max = 20;
  brain.decide(world({running("orders", "old", 20, {"old:5432"}), billing}, 0));
  const SizingOutcome outcome = brain.decide(world({running("orders", "new", 20, {"old:5432"}, 1), billing}, 1));
  EXPECT_EQ(approved(outcome, kOrders), 0);
  EXPECT_NE(outcome.pools.at(kOrders).advice.hold_reason.find("new.shop.svc:5432"), std::string::npos);
}

TEST(Leftovers, ANewOperatorReadsOnThePodsThatThePoolIsOnItsWay) {
  SizingBrain brain{{}};
  const auto decide = [&](const std::set<std::string>& reach) {
    return brain.decide(world({running("orders", "new", 20, reach), hungry("billing", "old")}, 0));
  };
  EXPECT_LE(approved(decide({"old:5432", "new:5432"}), kBilling), 20);
  brain = SizingBrain{{}};
  EXPECT_LE(approved(decide({"old:5432"}), kBilling), 20);
  brain = SizingBrain{{}};
  EXPECT_EQ(approved(decide({"new:5432"}), kBilling), 40);
}

TEST(Leftovers, APodThatStopsKeepsWhatItHadOnTheServerOfBefore) {
  PoolSighting orders = running("orders", "new", 7, {"old:5432"});
  orders.facts.pods[0].terminating = true;
  const auto left = leftovers(orders, {"new.shop.svc:5432"});
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left[0].server, "old.shop.svc:5432");
  EXPECT_EQ(left[0].hold.total(), 7);
  EXPECT_FALSE(left[0].may_grow);
}

TEST(Leftovers, ADatabaseThatWasTakenOutOfTheSpecCountsUntilThePodsHaveLeftIt) {
  SizingBrain brain{{}};
  const auto orders = [](bool has_both, int recorded) {
    PoolSighting made = running("orders", "db", 10, {"db:5432"});
    made.facts.pool.spec.databases.push_back(database("reports", 2, 20, 10));
    made.facts.sizes["reports"] = 10;
    if (recorded > 0) made.facts.pods[0].may_hold->emplace("reports", render::PodHold{.size = recorded});
    if (!has_both) made.facts.pool.spec.databases.pop_back();
    return made;
  };
  SizingOutcome outcome = brain.decide(world({orders(true, 10), hungry("billing", "db")}, 0));
  brain.confirm(kOrders, "orders-1", outcome.pools.at(kOrders).advice.serial);
  outcome = brain.decide(world({orders(false, 10), hungry("billing", "db", 1)}, 1));
  EXPECT_LE(approved(outcome, kBilling), 20) << "of 40, 10 for each database of the other pool";
  for (int second = 2; second < 5; ++second) {
    outcome = brain.decide(world({orders(false, 0), hungry("billing", "db", second)}, second));
  }
  EXPECT_EQ(approved(outcome, kBilling), 30);
}

TEST(Leftovers, ASecondNameOfTheSameServerIsNoOtherServer) {
  auto seen = std::make_shared<postgres::ServerObservation>();
  seen->observed_at = kStart;
  seen->is_connected = true;
  seen->facts.system_identifier = "7";
  seen->facts.max_connections = 100;
  SizingBrain brain{{}};
  SizingWorld before = world({running("orders", "old", 20, {"old:5432"}), hungry("billing", "alias")}, 0);
  before.servers = {{"old.shop.svc:5432", seen}, {"alias.shop.svc:5432", seen}};
  brain.decide(before);
  // Nobody looks at the server under the first name any more: it is still the same.
  SizingWorld after = world({running("orders", "alias", 20, {"old:5432"}, 1), hungry("billing", "alias", 1)}, 1);
  after.servers = {{"alias.shop.svc:5432", seen}};
  const SizingOutcome outcome = brain.decide(after);
  ASSERT_EQ(outcome.snapshot->servers.size(), 1U);
  EXPECT_EQ(outcome.snapshot->servers[0].who_takes_what.find("left behind"), std::string::npos);
  EXPECT_EQ(outcome.pools.at(kOrders).advice.sizes.at("app").size, 20) << "as it was";
  EXPECT_GE(outcome.snapshot->databases[1].committed, 20);
}

}  // namespace
}  // namespace poolwright::run

#include "render/shares.h"

#include <gtest/gtest.h>

#include "sample_pool.h"

namespace poolwright::render {
namespace {

using testing::make_database;

TEST(SharesOf, TheSumOverThePodsNeverPassesTheTotal) {
  api::Database database = make_database("a");
  for (int reserve : {0, 5, 17}) {
    database.reserve_pool_size = reserve;
    for (int slots = 1; slots <= 12; ++slots) {
      for (int size = slots; size <= 100; ++size) {
        const Shares shares = shares_of(database, size, slots);
        EXPECT_GE(shares.pool_size, 1);
        EXPECT_LE(shares.pool_size * slots, size);
        EXPECT_GT((shares.pool_size + 1) * slots, size);
        EXPECT_LE(shares.reserve_pool_size * slots, reserve);
        EXPECT_LE(shares.min_pool_size, shares.pool_size);
        EXPECT_LE(shares.min_pool_size * slots, database.pool_size.min);
      }
    }
  }
}

TEST(SharesOf, WhatPodsThatStopHoldIsLeftOut) {
  api::Database database = make_database("a");
  database.reserve_pool_size = 5;
  for (int held = 0; held <= 40; ++held) {
    for (int slots = 1; slots <= 6; ++slots) {
      const Shares shares = shares_of(database, 25, slots, {.size = held, .reserve = held});
      EXPECT_LE(shares.pool_size * slots + held, std::max(25, held + slots)) << held << " on " << slots;
      EXPECT_LE(shares.reserve_pool_size * slots + held, std::max(5, held)) << held << " on " << slots;
      EXPECT_GE(shares.pool_size, 1);
    }
  }
}

TEST(Holds, AreWrittenAndReadBack) {
  const PodHolds holds{{"app", {12, 2}}, {"log", {1, 0}}};
  EXPECT_EQ(holds_text(holds), R"({"app":[12,2],"log":[1,0]})");
  EXPECT_EQ(read_holds(holds_text(holds)), holds);
  for (const char* text : {"", "[]", "{", R"({"a":1})", R"({"a":[1]})", R"({"a":[1,-1]})", R"({"a":[1,1e9]})",
                           R"({"a":[99999999999,1]})", R"({"a":["1",1]})"}) {
    EXPECT_FALSE(read_holds(text)) << text;
  }
  EXPECT_EQ(larger(holds, {{"app", {3, 9}}, {"new", {4, 4}}}),
            (PodHolds{{"app", {12, 9}}, {"log", {1, 0}}, {"new", {4, 4}}}));
}

TEST(SharesOf, DefaultsOfTheSmallestPool) {
  const Shares one = shares_of(make_database("a"), 25, 1);
  EXPECT_EQ(one.pool_size, 25);
  EXPECT_EQ(one.min_pool_size, 5);
  EXPECT_EQ(one.reserve_pool_size, 5);
  EXPECT_EQ(one.max_connections, 50);
  const Shares third = shares_of(make_database("a"), 25, 3);
  EXPECT_EQ(third.pool_size, 8);
  EXPECT_EQ(third.min_pool_size, 1);
  EXPECT_EQ(third.reserve_pool_size, 1);
  EXPECT_EQ(third.max_connections, 16);
}

TEST(SharesOf, NeverZeroBecauseThatIsUnlimited) {
  api::Database database = make_database("a");
  database.max_connections = 1;
  const Shares shares = shares_of(database, 1, 7);
  EXPECT_EQ(shares.pool_size, 1);
  EXPECT_EQ(shares.max_connections, 1);
}

/// Limits of a pool whose databases have the given (instances, connection limit); 0 stands for "not given".
std::vector<InstanceLimit> limits(const std::vector<std::pair<int, int>>& databases, int max_clients,
                                  int replicas = 2) {
  api::ConnectionPoolSpec spec;
  spec.pgbouncer.max_client_connections = max_clients;
  spec.pgbouncer.replicas = replicas;
  for (const auto& [instances, limit] : databases) {
    api::Database database = make_database("d" + std::to_string(spec.databases.size()));
    if (instances > 0) database.application.instances = instances;
    if (limit > 0) database.application.connection_limit = limit;
    spec.databases.push_back(database);
  }
  return instance_limits(spec, {});
}

TEST(InstanceLimits, AreGivenOrDerivedOrFive) {
  struct Case {
    std::vector<std::pair<int, int>> databases;
    int max_clients;
    std::vector<int> expected;
    bool has_warning;
  };
  const Case cases[] = {
      {{{0, 0}}, 100, {5}, false},
      {{{0, 8}}, 100, {8}, false},
      {{{20, 0}}, 100, {5}, false},
      {{{20, 5}}, 100, {5}, false},
      {{{20, 6}}, 100, {6}, true},
      {{{3, 0}}, 100, {33}, false},
      {{{200, 0}}, 100, {1}, true},
      {{{1, 0}}, 100000, {1000}, false},
      {{{10, 0}, {10, 0}}, 100, {5, 5}, false},
      {{{10, 8}, {4, 0}}, 100, {8, 5}, false},
      {{{10, 12}, {4, 0}}, 100, {12, 1}, true},
  };
  for (const Case& c : cases) {
    const auto found = limits(c.databases, c.max_clients);
    ASSERT_EQ(found.size(), c.expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      EXPECT_EQ(found[i].connection_limit, c.expected[i]);
      EXPECT_EQ(!found[i].warning.empty(), c.has_warning) << found[i].warning;
    }
  }
}

TEST(InstanceLimits, ReadInstancesAreUsedWhereNoneAreGiven) {
  api::ConnectionPoolSpec spec;
  spec.databases = {make_database("a"), make_database("b")};
  spec.databases[1].application.instances = 10;
  const auto found = instance_limits(spec, {{"a", 10}, {"b", 1000}, {"c", 5}});
  EXPECT_EQ(found[0].connection_limit, 5);
  EXPECT_EQ(found[1].connection_limit, 5);
  EXPECT_EQ(instance_limits(spec, {{"a", 0}})[0].connection_limit, 5);
}

TEST(AdmittedClients, LeaveOnePodOut) {
  api::Pgbouncer pgbouncer;
  for (const auto& [replicas, admitted] : {std::pair{0, 100}, {1, 100}, {2, 100}, {5, 400}}) {
    pgbouncer.replicas = replicas;
    EXPECT_EQ(admitted_clients(pgbouncer), admitted) << replicas;
  }
}

}  // namespace
}  // namespace poolwright::render

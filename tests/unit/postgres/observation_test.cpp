#include "postgres/observation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace poolwright::postgres {
namespace {

Table facts() {
  return {{"max_connections", "superuser_reserved_connections", "reserved_connections", "server_version_num",
           "is_in_recovery", "started_at_us", "sees_all_sessions"},
          {{"100", "3", "2", "160004", "f", "1767323045000001", "t"}}};
}

TEST(Facts, AreRead) {
  const auto read = parse_facts(facts());
  ASSERT_TRUE(read) << describe(read.error());
  EXPECT_EQ(*read, (ServerFacts{.max_connections = 100,
                                .superuser_reserved_connections = 3,
                                .reserved_connections = 2,
                                .version = 160004,
                                .is_in_recovery = false,
                                .sees_all_sessions = true,
                                .started_at_us = 1'767'323'045'000'001,
                                .system_identifier = ""}));
  EXPECT_EQ(read->usable_connections(), 95);
}

TEST(Facts, NonsenseIsAProtocolError) {
  Table none = facts();
  none.rows.clear();
  Table two = facts();
  two.rows.push_back(two.rows[0]);
  Table negative = facts();
  negative.rows[0][0] = "-1";
  Table renamed = facts();
  renamed.columns[4] = "in_recovery";
  for (const Table& table : {none, two, negative, renamed}) {
    const auto read = parse_facts(table);
    ASSERT_FALSE(read.has_value());
    EXPECT_EQ(read.error().kind, ErrorKind::kProtocol);
  }
}

TEST(Sessions, AreReadAndDividedByAddress) {
  const auto sessions =
      parse_sessions({{"usename", "datname", "application_name", "client_address", "state", "sessions"},
                      {{"app", "shop", "web", "10.0.0.5", "active", "20"},
                       {"app", "shop", "psql", "10.9.9.9", "idle", "2"},
                       {"backup", "shop", "", "", "", "1"}}});
  ASSERT_TRUE(sessions) << describe(sessions.error());
  ServerObservation observation;
  observation.sessions = *sessions;
  const auto count = count_sessions(observation, {"10.0.0.5", "10.0.0.6"});
  EXPECT_EQ(count.ours, 20);
  EXPECT_EQ(count.foreign, 3);
  ASSERT_EQ(count.foreign_groups.size(), 2U);
  EXPECT_EQ(count.foreign_groups[0].application_name, "psql");
  EXPECT_EQ(count_sessions(observation, {}).foreign, 23) << "a Unix socket or a hidden address is nobody's pod";
}

TEST(IdleInTransactions, AreReadWithTheirAges) {
  const std::vector<std::string> columns = {
      "pid", "usename", "datname", "application_name", "client_address", "idle_seconds", "transaction_seconds", "mark"};
  const auto idle =
      parse_idle_in_transaction({columns, {{"4711", "app", "shop", "web", "10.0.0.5", "61.5", "90.25", "1-2-3"}}});
  ASSERT_TRUE(idle) << describe(idle.error());
  EXPECT_EQ(*idle, (std::vector<IdleInTransaction>{{.pid = 4711,
                                                    .user = "app",
                                                    .database = "shop",
                                                    .application_name = "web",
                                                    .client_address = "10.0.0.5",
                                                    .idle_seconds = 61.5,
                                                    .transaction_seconds = 90.25,
                                                    .mark = "1-2-3"}}));
  EXPECT_FALSE(parse_idle_in_transaction({columns, {{"x", "", "", "", "", "0", "0", ""}}}).has_value());
  EXPECT_FALSE(parse_idle_in_transaction({columns, {{"1", "", "", "", "", "soon", "0", ""}}}).has_value());
}

TEST(Queries, OnlyAMarkOfOursIsPutIntoAStatement) {
  const auto query = end_session_query(4711, "20261126010203000004-20261126010203000005-20261126010203000006");
  ASSERT_TRUE(query.has_value());
  EXPECT_THAT(*query, testing::HasSubstr("pid = 4711 AND state LIKE 'idle in transaction%'"));
  EXPECT_FALSE(end_session_query(4711, "").has_value());
  EXPECT_FALSE(end_session_query(4711, "1' OR '1'='1").has_value());
}

TEST(Queries, AskForNoMoreThanTheirLimits) {
  EXPECT_THAT(std::string(kSessionsQuery), testing::HasSubstr("LIMIT " + std::to_string(kSessionGroupsMax + 1)));
  EXPECT_THAT(std::string(kIdleInTransactionQuery),
              testing::HasSubstr("LIMIT " + std::to_string(kIdleInTransactionMax)));
}

}  // namespace
}  // namespace poolwright::postgres

// SHOW answers of three versions, with the columns that each really has, and answers that no PgBouncer gives.
#include "pgbouncer/rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <sstream>

namespace poolwright::pgbouncer {
namespace {

using postgres::Table;

std::vector<std::string> words(const std::string& text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), {}};
}

/// One row: each column has the value of `values`, else `otherwise`.
Table table(const std::string& columns, const std::map<std::string, std::string>& values,
            const std::string& otherwise = "0") {
  Table made;
  made.columns = words(columns);
  auto& row = made.rows.emplace_back();
  for (const std::string& column : made.columns) {
    const auto found = values.find(column);
    row.push_back(found == values.end() ? otherwise : found->second);
  }
  return made;
}

struct Version {
  const char* name;
  const char* pools;
  const char* databases;
  const char* stats;
};

constexpr const char* kPools118 =
    "database user cl_active cl_waiting cl_active_cancel_req cl_waiting_cancel_req sv_active sv_active_cancel "
    "sv_being_canceled sv_idle sv_used sv_tested sv_login maxwait maxwait_us pool_mode";
constexpr const char* kPools124 =
    "database user cl_active cl_waiting cl_active_cancel_req cl_waiting_cancel_req sv_active sv_active_cancel "
    "sv_being_canceled sv_idle sv_used sv_tested sv_login maxwait maxwait_us pool_mode load_balance_hosts";
constexpr const char* kDatabases118 =
    "name host port database force_user pool_size min_pool_size reserve_pool pool_mode max_connections "
    "current_connections paused disabled";
constexpr const char* kDatabases124 =
    "name host port database force_user pool_size min_pool_size reserve_pool_size server_lifetime pool_mode "
    "load_balance_hosts max_connections current_connections max_client_connections current_client_connections paused "
    "disabled";
constexpr const char* kStats118 =
    "database total_xact_count total_query_count total_received total_sent total_xact_time total_query_time "
    "total_wait_time avg_xact_count avg_query_count avg_recv avg_sent avg_xact_time avg_query_time avg_wait_time";
constexpr const char* kStats124 =
    "database total_server_assignment_count total_xact_count total_query_count total_received total_sent "
    "total_xact_time total_query_time total_wait_time total_client_parse_count total_server_parse_count "
    "total_bind_count avg_server_assignment_count avg_xact_count avg_query_count avg_recv avg_sent avg_xact_time "
    "avg_query_time avg_wait_time avg_client_parse_count avg_server_parse_count avg_bind_count";
constexpr const char* kStats126 =
    "database total_server_assignment_count total_xact_count total_query_count total_received total_sent "
    "total_xact_time total_query_time total_wait_time total_client_parse_count total_server_parse_count "
    "total_bind_count total_client_login_count avg_server_assignment_count avg_xact_count avg_query_count avg_recv "
    "avg_sent avg_xact_time avg_query_time avg_wait_time avg_client_parse_count avg_server_parse_count avg_bind_count "
    "avg_client_login_count";

constexpr Version kVersions[] = {{"1.18", kPools118, kDatabases118, kStats118},
                                 {"1.24", kPools124, kDatabases124, kStats124},
                                 {"1.26", kPools124, kDatabases124, kStats126}};

TEST(Rows, PoolsOfEveryVersion) {
  for (const Version& version : kVersions) {
    SCOPED_TRACE(version.name);
    const auto rows = parse_pools(table(version.pools, {{"database", "app"},
                                                        {"user", "app_user"},
                                                        {"cl_active", "40"},
                                                        {"cl_waiting", "7"},
                                                        {"sv_active", "10"},
                                                        {"cl_active_cancel_req", "8"},
                                                        {"cl_waiting_cancel_req", "9"},
                                                        {"sv_active_cancel", "6"},
                                                        {"sv_being_canceled", "1"},
                                                        {"sv_idle", "2"},
                                                        {"sv_used", "3"},
                                                        {"sv_tested", "4"},
                                                        {"sv_login", "5"},
                                                        {"maxwait", "2"},
                                                        {"maxwait_us", "250000"},
                                                        {"pool_mode", "transaction"}}));
    ASSERT_TRUE(rows) << describe(rows.error());
    const PoolRow expected{.database = "app",
                           .user = "app_user",
                           .cl_active = 40,
                           .cl_waiting = 7,
                           .cl_active_cancel_req = 8,
                           .cl_waiting_cancel_req = 9,
                           .sv_active_cancel = 6,
                           .sv_active = 10,
                           .sv_being_canceled = 1,
                           .sv_idle = 2,
                           .sv_used = 3,
                           .sv_tested = 4,
                           .sv_login = 5,
                           .maxwait_us = 2'250'000,
                           .pool_mode = "transaction"};
    EXPECT_EQ(*rows, std::vector<PoolRow>{expected});
  }
}

TEST(Rows, StatsOfEveryVersion) {
  for (const Version& version : kVersions) {
    SCOPED_TRACE(version.name);
    const auto rows = parse_stats(table(version.stats, {{"database", "app"},
                                                        {"total_xact_count", "11"},
                                                        {"total_query_count", "12"},
                                                        {"total_received", "13"},
                                                        {"total_sent", "14"},
                                                        {"total_xact_time", "9007199254740993"},
                                                        {"total_query_time", "16"},
                                                        {"total_wait_time", "17"}}));
    ASSERT_TRUE(rows) << describe(rows.error());
    const StatsRow expected{.database = "app",
                            .total_xact_count = 11,
                            .total_query_count = 12,
                            .total_received_bytes = 13,
                            .total_sent_bytes = 14,
                            .total_xact_time_us = 9'007'199'254'740'993,
                            .total_query_time_us = 16,
                            .total_wait_time_us = 17};
    EXPECT_EQ(*rows, std::vector<StatsRow>{expected});
  }
}

TEST(Rows, StatsOfNewerVersionsCountAssignmentsAndPreparedStatements) {
  const auto newer = parse_stats(table(kStats124, {{"database", "app"},
                                                   {"total_server_assignment_count", "1"},
                                                   {"total_client_parse_count", "2"},
                                                   {"total_server_parse_count", "3"},
                                                   {"total_bind_count", "4"}}));
  ASSERT_TRUE(newer) << describe(newer.error());
  EXPECT_EQ(newer->front().total_server_assignment_count, 1);
  EXPECT_EQ(newer->front().total_client_parse_count, 2);
  EXPECT_EQ(newer->front().total_server_parse_count, 3);
  EXPECT_EQ(newer->front().total_bind_count, 4);
}

TEST(Rows, DatabasesOfEveryVersion) {
  for (const Version& version : kVersions) {
    SCOPED_TRACE(version.name);
    const bool is_old = std::string(version.name) == "1.18";
    const auto rows = parse_databases(table(version.databases, {{"name", "app"},
                                                                {"host", "db"},
                                                                {"port", "5432"},
                                                                {"database", "app_db"},
                                                                {"force_user", "app_user"},
                                                                {"pool_size", "25"},
                                                                {"min_pool_size", "5"},
                                                                {"reserve_pool", "3"},
                                                                {"reserve_pool_size", "3"},
                                                                {"server_lifetime", "3600"},
                                                                {"load_balance_hosts", "round-robin"},
                                                                {"pool_mode", ""},
                                                                {"max_connections", "50"},
                                                                {"current_connections", "9"},
                                                                {"max_client_connections", "110"},
                                                                {"paused", "1"}}));
    ASSERT_TRUE(rows) << describe(rows.error());
    DatabaseRow expected{.name = "app",
                         .host = "db",
                         .port = 5432,
                         .database = "app_db",
                         .force_user = "app_user",
                         .pool_size = 25,
                         .min_pool_size = 5,
                         .reserve_pool_size = 3,
                         .pool_mode = "",
                         .max_connections = 50,
                         .current_connections = 9,
                         .server_lifetime = std::nullopt,
                         .load_balance_hosts = std::nullopt,
                         .max_client_connections = std::nullopt,
                         .is_paused = true,
                         .is_disabled = false};
    if (!is_old) {
      expected.server_lifetime = 3600;
      expected.load_balance_hosts = "round-robin";
      expected.max_client_connections = 110;
    }
    EXPECT_EQ(*rows, std::vector<DatabaseRow>{expected});
  }
}

TEST(Rows, ConfigListsUsersAndVersion) {
  const auto config =
      parse_config(table("key value default changeable",
                         {{"key", "default_pool_size"}, {"value", "12"}, {"default", "20"}, {"changeable", "yes"}}));
  ASSERT_TRUE(config);
  EXPECT_EQ(*config, (std::vector<ConfigRow>{{"default_pool_size", "12", "20", true}}));
  const auto lists = parse_lists({{"list", "items"}, {{"databases", "3"}, {"users", "4"}}});
  ASSERT_TRUE(lists);
  EXPECT_EQ(*lists, (std::map<std::string, std::int64_t>{{"databases", 3}, {"users", 4}}));
  const auto users = parse_users({{"name", "pool_mode"}, {{"a", ""}, {"b", ""}}});
  ASSERT_TRUE(users);
  EXPECT_EQ(*users, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(parse_version({{"version"}, {{"PgBouncer 1.24.1"}}}).value_or(""), "PgBouncer 1.24.1");
  EXPECT_FALSE(parse_version({{"version"}, {}}).has_value());
}

TEST(Rows, ColumnsMayMoveAndComeAndGo) {
  auto columns = words(kPools118);
  std::mt19937 random(7);
  for (int i = 0; i < 50; ++i) {
    std::shuffle(columns.begin(), columns.end(), random);
    Table moved{columns, {}};
    moved.columns.insert(moved.columns.begin() + i % 5, "invented_in_1_99");
    auto& row = moved.rows.emplace_back();
    for (const auto& column : moved.columns) {
      row.push_back(column == "cl_waiting"         ? "7"
                    : column == "sv_login"         ? "5"
                    : column == "invented_in_1_99" ? "?"
                                                   : "0");
    }
    const auto rows = parse_pools(moved);
    ASSERT_TRUE(rows) << describe(rows.error());
    EXPECT_EQ(rows->front().cl_waiting, 7);
    EXPECT_EQ(rows->front().sv_login, 5);
  }
}

TEST(Rows, EveryNeededColumnIsMissed) {
  for (const std::string missing : {"database", "user", "cl_active", "cl_waiting", "sv_active", "sv_idle", "sv_used",
                                    "sv_tested", "sv_login", "maxwait", "maxwait_us", "pool_mode"}) {
    Table cut = table(kPools118, {});
    for (auto& column : cut.columns) {
      if (column == missing) column = "renamed";
    }
    const auto rows = parse_pools(cut);
    ASSERT_FALSE(rows.has_value()) << missing;
    EXPECT_EQ(rows.error().kind, ErrorKind::kProtocol);
    EXPECT_THAT(rows.error().message, testing::HasSubstr("column " + missing + " is missing"));
  }
}

TEST(Rows, NonsenseIsAProtocolError) {
  for (const std::string nonsense : {"", "x", "-1", "1.5", "99999999999999999999", "0x10", " 1", "1 ", "NaN", "\xFF"}) {
    const auto rows = parse_pools(table(kPools118, {{"cl_waiting", nonsense}}));
    ASSERT_FALSE(rows.has_value()) << nonsense;
    EXPECT_EQ(rows.error().kind, ErrorKind::kProtocol);
  }
  EXPECT_FALSE(parse_databases(table(kDatabases118, {{"paused", "maybe"}})).has_value());
  Table short_row = table(kStats118, {});
  short_row.rows[0].resize(3);
  EXPECT_EQ(parse_stats(short_row).error().kind, ErrorKind::kProtocol);
}

TEST(Rows, NamesAreMadePrintable) {
  const auto rows = parse_pools(table(kPools118, {{"database",
                                                   "a\x01\xFF\n"
                                                   "b\xC3\xA4"}}));
  ASSERT_TRUE(rows);
  EXPECT_EQ(rows->front().database, "a?? b\xC3\xA4");
}

TEST(Rows, HugeWaitDoesNotOverflow) {
  const auto rows =
      parse_pools(table(kPools118, {{"maxwait", "9223372036854775807"}, {"maxwait_us", "9223372036854775807"}}));
  ASSERT_TRUE(rows);
  EXPECT_GT(rows->front().maxwait_us, 0);
}

/// Any table of any texts: a value or kProtocol, nothing else.
TEST(Rows, RandomTablesNeverCrash) {
  const std::vector<std::string> texts = {"", "0", "1", "-5", "1e9", "yes", "\xF0\x9F", "99999999999", "a'b"};
  for (unsigned seed = 0; seed < 500; ++seed) {
    std::mt19937 random(seed);
    Table any{words(seed % 2 == 0 ? kPools124 : kDatabases124), {}};
    std::shuffle(any.columns.begin(), any.columns.end(), random);
    any.columns.resize(random() % (any.columns.size() + 1));
    for (unsigned row = 0; row < random() % 4; ++row) {
      auto& values = any.rows.emplace_back();
      const std::size_t count = random() % 5 == 0 ? random() % 20 : any.columns.size();
      for (std::size_t i = 0; i < count; ++i) values.push_back(texts[random() % texts.size()]);
    }
    const auto check = [&](const auto& result) {
      EXPECT_TRUE(result.has_value() || result.error().kind == ErrorKind::kProtocol) << "seed " << seed;
    };
    check(parse_pools(any));
    check(parse_stats(any));
    check(parse_databases(any));
    check(parse_config(any));
    check(parse_users(any));
  }
}

TEST(VersionText, IsReadable) {
  EXPECT_EQ(version_text(11800), "1.18.0");
  EXPECT_EQ(version_text(12401), "1.24.1");
  EXPECT_EQ(version_text(12601), "1.26.1");
  EXPECT_EQ(version_text(0), "");
}

}  // namespace
}  // namespace poolwright::pgbouncer

// What counts as equal between a file and what PgBouncer shows of it.
#include "pgbouncer/verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace poolwright::pgbouncer {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

LiveConfig live(const std::string& key, const std::string& value, bool is_changeable = true) {
  LiveConfig config;
  config.settings = {{"syslog_ident", "gen-1", "pgbouncer", true}, {key, value, "the default", is_changeable}};
  return config;
}

ExpectedConfig expected(const std::string& key, const std::string& value) {
  return {.settings = {{"syslog_ident", "gen-1"}, {key, value}}, .databases = {}, .user_marker = ""};
}

struct Comparison {
  const char* key;
  const char* rendered;
  const char* shown;
  bool is_equal;
};

class Values : public testing::TestWithParam<Comparison> {};

TEST_P(Values, AreComparedInNormalForm) {
  const Comparison& one = GetParam();
  const auto result = verify(expected(one.key, one.rendered), live(one.key, one.shown));
  EXPECT_EQ(result.is_live(), one.is_equal) << describe(result.reloadable, 5);
}

INSTANTIATE_TEST_SUITE_P(
    Table, Values,
    testing::Values(
        Comparison{"default_pool_size", "12", "12", true}, Comparison{"default_pool_size", "12", "20", false},
        Comparison{"default_pool_size", "012", "12", true}, Comparison{"max_client_conn", "1000001", "1000000", false},
        Comparison{"query_wait_timeout", "1.5", "1.500000", true},
        Comparison{"query_wait_timeout", "1.5", "1.6", false}, Comparison{"query_wait_timeout", "2", "2.0", true},
        Comparison{"server_lifetime", "1234567", "1.23457e+06", true},
        Comparison{"server_lifetime", "1234567", "1.3e+06", false}, Comparison{"server_lifetime", "nan", "nan ", false},
        Comparison{"log_connections", "0", "0", true}, Comparison{"log_connections", "no", "0", true},
        Comparison{"log_connections", "true", "1", true}, Comparison{"log_connections", "on", "yes", true},
        Comparison{"log_connections", "off", "1", false},
        Comparison{"server_reset_query", "'DISCARD ALL'", "DISCARD ALL", true},
        Comparison{"server_reset_query", "''", "", true},
        Comparison{"auth_query", "'SELECT ''x'''", "SELECT 'x'", true},
        Comparison{"auth_query", "SELECT 'x'", "SELECT 'x'", true},
        Comparison{"auth_file", "/etc/pgbouncer/userlist.txt", "/etc/pgbouncer/userlist.txt", true},
        Comparison{"auth_file", "/etc/a", "/etc/A", false}, Comparison{"pool_mode", "Transaction", "transaction", true},
        Comparison{"pool_mode", "transaction", "session", false}, Comparison{"admin_users", "Admin", "admin", false},
        Comparison{"unix_socket_mode", "0777", "0777", true},
        Comparison{"ignore_startup_parameters", "options", "", false}));

TEST(Marker, DecidesAndIsNoNumber) {
  LiveConfig other = live("default_pool_size", "12");
  other.settings[0].value = "gen-2";
  const auto result = verify(expected("default_pool_size", "12"), other);
  EXPECT_FALSE(result.marker_matches);
  EXPECT_FALSE(result.is_live());
  EXPECT_EQ(result.marker, "gen-2");
  other.settings[0].value = "1.0";
  ExpectedConfig numeric = expected("default_pool_size", "12");
  numeric.settings["syslog_ident"] = "1";
  EXPECT_FALSE(verify(numeric, other).is_live());
}

TEST(Settings, UnknownOnesAreTold) {
  const auto result = verify(expected("transaction_timeout", "5"), live("default_pool_size", "20"));
  EXPECT_THAT(result.reloadable,
              ElementsAre(Difference{.key = "transaction_timeout", .expected = "5", .actual = "(absent)"}));
}

TEST(Settings, FallingBackToTheDefaultIsTold) {
  LiveConfig config = live("default_pool_size", "20");
  config.settings[1].default_value = "20";
  const auto result = verify(expected("default_pool_size", "12"), config);
  ASSERT_EQ(result.reloadable.size(), 1U);
  EXPECT_TRUE(result.reloadable[0].is_default);
  EXPECT_EQ(describe(result.reloadable, 3), "default_pool_size is 20, not 12 (fell back to the default)");
}

TEST(Settings, ThatNeedARestartDoNotMakeItUnlive) {
  const auto result = verify(expected("listen_port", "6433"), live("listen_port", "6432", false));
  EXPECT_TRUE(result.is_live());
  ASSERT_EQ(result.restart.size(), 1U);
  EXPECT_TRUE(result.restart[0].needs_restart);
}

DatabaseRow row() {
  return {.name = "app",
          .host = "db",
          .port = 5432,
          .database = "app_db",
          .force_user = "app_user",
          .pool_size = 25,
          .min_pool_size = 5,
          .reserve_pool_size = 3,
          .pool_mode = "session",
          .max_connections = 50,
          .current_connections = 9,
          .server_lifetime = 3600,
          .load_balance_hosts = "disable",
          .max_client_connections = 110,
          .is_paused = true,
          .is_disabled = false};
}

std::map<std::string, std::string> options() {
  return {{"host", "db"},
          {"port", "5432"},
          {"dbname", "'app_db'"},
          {"user", "app_user"},
          {"password", "secret"},
          {"pool_size", "25"},
          {"min_pool_size", "5"},
          {"reserve_pool", "3"},
          {"pool_mode", "session"},
          {"max_db_connections", "50"},
          {"server_lifetime", "3600"},
          {"load_balance_hosts", "disable"},
          {"max_db_client_connections", "110"},
          {"connect_query", "'select 1'"}};
}

VerifyResult verify_one(const std::map<std::string, std::string>& rendered, const DatabaseRow& shown) {
  LiveConfig config;
  config.databases = {{.name = "pgbouncer", .force_user = "pgbouncer"}, shown};
  return verify({.settings = {}, .databases = {{"app", rendered}}, .user_marker = ""}, config);
}

TEST(Databases, EqualOnesAreLive) { EXPECT_THAT(verify_one(options(), row()).reloadable, IsEmpty()); }

TEST(Databases, EachOptionThatIsShownIsCompared) {
  for (const auto& [key, value] : options()) {
    if (key == "password" || key == "connect_query") continue;
    auto changed = options();
    changed[key] = "77";
    const auto result = verify_one(changed, row());
    ASSERT_EQ(result.reloadable.size(), 1U) << key;
    EXPECT_EQ(result.reloadable[0].key, "databases.app." + key);
    EXPECT_EQ(result.reloadable[0].expected, "77");
  }
  auto newer_name = options();
  newer_name.erase("reserve_pool");
  newer_name["reserve_pool_size"] = "4";
  EXPECT_EQ(verify_one(newer_name, row()).reloadable.size(), 1U);
}

TEST(Databases, WhatNobodyShowsIsNotCompared) {
  auto changed = options();
  changed["password"] = "another";
  EXPECT_THAT(verify_one(changed, row()).reloadable, IsEmpty());
  DatabaseRow old = row();
  old.server_lifetime.reset();
  old.load_balance_hosts.reset();
  old.max_client_connections.reset();
  EXPECT_THAT(verify_one(options(), old).reloadable, IsEmpty());
}

TEST(Databases, ForcedUserThatStaysNeedsARestart) {
  auto without = options();
  without.erase("user");
  const auto result = verify_one(without, row());
  EXPECT_THAT(result.reloadable, IsEmpty());
  ASSERT_EQ(result.restart.size(), 1U);
  EXPECT_EQ(result.restart[0].key, "databases.app.user");
}

TEST(Databases, MissingAndForeignOnesAreDifferences) {
  LiveConfig config;
  config.databases = {{.name = "foreign"}, {.name = "pgbouncer"}};
  const auto result = verify({.settings = {}, .databases = {{"app", {}}}, .user_marker = ""}, config);
  EXPECT_THAT(result.reloadable,
              ElementsAre(Difference{.key = "databases.app", .expected = "(present)", .actual = "(absent)"},
                          Difference{.key = "databases.foreign", .expected = "(absent)", .actual = "(present)"}));
}

TEST(Users, MarkerOfTheUserlistIsLookedFor) {
  LiveConfig config;
  config.users = {"admin", "m-1"};
  const ExpectedConfig first{.settings = {}, .databases = {}, .user_marker = "m-1"};
  const ExpectedConfig second{.settings = {}, .databases = {}, .user_marker = "m-2"};
  EXPECT_TRUE(verify(first, config).is_live());
  EXPECT_THAT(verify(second, config).reloadable,
              ElementsAre(Difference{.key = "users.m-2", .expected = "(present)", .actual = "(absent)"}));
}

TEST(Describe, CutsLongLists) {
  const std::vector<Difference> differences = {{"a", "1", "2"}, {"b", "3", "4"}, {"c", "5", "6"}};
  EXPECT_EQ(describe(differences, 2), "a is 2, not 1; b is 4, not 3; and 1 more");
  EXPECT_EQ(describe({}, 2), "");
}

}  // namespace
}  // namespace poolwright::pgbouncer

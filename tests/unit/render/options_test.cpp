#include "render/options.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace poolwright::render {
namespace {

using namespace std::string_literals;

constexpr PgbouncerVersion kOldest{1, 18, 0};
constexpr PgbouncerVersion kNewest{1, 26, 0};

/// One parameter against one version: "" or the message.
std::string check(const std::string& name, const std::string& value, PgbouncerVersion version = kNewest) {
  const auto errors = check_parameters({{name, value}}, version);
  EXPECT_LE(errors.size(), 1U);
  return errors.empty() ? "" : errors.front().path + ": " + errors.front().message;
}

TEST(CheckParameters, TakesGoodValuesOfEveryType) {
  const std::pair<const char*, const char*> cases[] = {
      {"server_login_retry", "2"},
      {"server_login_retry", "0.5"},
      {"log_connections", "true"},
      {"log_connections", "0"},
      {"max_packet_size", "2147483647"},
      {"max_prepared_statements", "0"},
      {"client_tls_protocols", "tlsv1.2, tlsv1.3"},
      {"client_tls_ciphers", "ECDHE-RSA-AES256-GCM-SHA384:HIGH:!aNULL"},
      {"server_reset_query", "DISCARD ALL"},
      {"server_reset_query", ""},
      {"server_check_query", "<empty>"},
      {"server_check_query", "select 1"},
      {"login_notify_message", "pooled; #1 = 'x'"},
      {"ignore_startup_parameters", "extra_float_digits"},
      {"track_extra_parameters", "IntervalStyle, search_path"},
  };
  for (const auto& [name, value] : cases) EXPECT_EQ(check(name, value), "") << name << "=" << value;
}

TEST(CheckParameters, RefusesBadValuesAndSaysWhatIsAllowed) {
  struct Case {
    const char* name;
    std::string value;
    const char* message;
  };
  const Case cases[] = {
      {"max_packet_size", "2147483648", "must be an integer from 1024 to 2147483647"},
      {"max_packet_size", "1023", "must be an integer from 1024"},
      {"max_packet_size", "1e6", "must be an integer"},
      {"listen_backlog", "0", "must be an integer from 1 to 65535"},
      {"listen_backlog", "010", "must be an integer"},
      {"listen_backlog", "0x80", "must be an integer"},
      {"listen_backlog", "10.5", "must be an integer"},
      {"listen_backlog", "-5", "must be an integer"},
      {"listen_backlog", "", "must be an integer"},
      {"server_login_retry", "0", "must be seconds from 0.1 to 3600"},
      {"server_login_retry", "5s", "must be seconds"},
      {"server_login_retry", "1.", "must be seconds"},
      {"server_login_retry", "1.1234567", "must be seconds"},
      {"server_login_retry", "nan", "must be seconds"},
      {"log_connections", "yes", "must be 0 or 1"},
      {"client_tls_protocols", "ssl3", "must be a comma-separated list of: secure, all"},
      {"client_tls_protocols", "", "must be a comma-separated list"},
      {"client_tls_ciphers", "RC4", "must be a colon-separated list"},
      {"client_tls_dheparams", "AUTO", "must be one of: auto, legacy, none"},
      {"client_tls_sslmode", "disable", "must be one of: allow"},
      {"ignore_startup_parameters", "a b", "must be a comma-separated list of parameter names"},
      {"server_reset_query", "DISCARD ALL; BEGIN", "must be empty or one SQL statement"},
      {"server_check_query", "drop table x", "must be empty or one SQL statement"},
      {"verbose", "2", "must be an integer from 0 to 1"},
      {"login_notify_message", std::string(1025, 'a'), "must be one line of at most 1024 bytes"},
      {"login_notify_message", "a\nadmin_users = eve", "without control characters"},
      {"login_notify_message", "a\tb", "without control characters"},
      {"login_notify_message", "a\0b"s, "without control characters"},
      {"server_check_query", "select\r1", "without control characters"},
  };
  for (const Case& c : cases) {
    const std::string error = check(c.name, c.value);
    EXPECT_TRUE(error.starts_with("spec.pgbouncer.parameters."s + c.name + ": ")) << error;
    EXPECT_NE(error.find(c.message), std::string::npos) << error;
  }
}

TEST(CheckParameters, RefusesKeysThatAreNone) {
  for (const std::string& name :
       {"x = 1\ny"s, ""s, "A b"s, "max_client_conn "s, "Max_Packet_Size"s, "1a"s, "a\0"s, "%include"s}) {
    const std::string error = check(name, "1");
    EXPECT_TRUE(error.starts_with("spec.pgbouncer.parameters: must be the name of a PgBouncer option")) << error;
  }
  EXPECT_NE(check("no_such_option", "1").find("there is none of this name"), std::string::npos);
}

TEST(CheckParameters, ProtectsWhatTheOperatorSets) {
  const char* names[] = {"listen_addr",
                         "listen_port",
                         "auth_file",
                         "auth_hba_file",
                         "auth_ident_file",
                         "auth_type",
                         "auth_query",
                         "auth_user",
                         "auth_dbname",
                         "auth_ldap_options",
                         "admin_users",
                         "stats_users",
                         "logfile",
                         "pidfile",
                         "unix_socket_dir",
                         "unix_socket_mode",
                         "unix_socket_group",
                         "user",
                         "conffile",
                         "service_name",
                         "job_name",
                         "syslog",
                         "syslog_ident",
                         "syslog_facility",
                         "resolv_conf",
                         "peer_id",
                         "client_tls_key_file",
                         "client_tls_cert_file",
                         "client_tls_ca_file",
                         "server_tls_key_file",
                         "server_tls_cert_file",
                         "server_tls_ca_file",
                         "so_reuseport"};
  for (const char* name : names) {
    EXPECT_NE(check(name, "1").find("cannot be set here: "), std::string::npos) << name;
  }
  for (const char* value : {"any", "trust", "hba"}) {
    EXPECT_NE(check("auth_type", value).find("spec.databases[].credentialsSecretRef"), std::string::npos);
  }
}

TEST(CheckParameters, NamesTheFieldToUseInstead) {
  const std::pair<const char*, const char*> cases[] = {
      {"max_client_conn", "spec.pgbouncer.maxClientConnections"},
      {"pool_mode", "spec.pgbouncer.poolMode"},
      {"default_pool_size", "spec.databases[].poolSize"},
      {"min_pool_size", "spec.databases[].poolSize.min"},
      {"reserve_pool_size", "spec.databases[].reservePoolSize"},
      {"max_db_connections", "spec.databases[].maxConnections"},
      {"query_wait_timeout", "spec.pgbouncer.timeouts.queryWaitSeconds"},
      {"server_idle_timeout", "spec.pgbouncer.timeouts.serverIdleSeconds"},
      {"transaction_timeout", "spec.pgbouncer.timeouts.transactionSeconds"},
      {"server_tls_sslmode", "spec.postgres.tls.mode"},
      {"server_tls_ca_file", "spec.postgres.tls"},
      {"client_tls_key_file", "spec.pgbouncer.clientTlsSecretRef"},
  };
  for (const auto& [name, field] : cases) {
    EXPECT_NE(check(name, "1").find("set "s + field + " instead"), std::string::npos) << check(name, "1");
  }
}

TEST(CheckParameters, KnowsTheVersions) {
  struct Case {
    const char* name;
    const char* value;
    int absent_minor;
    int present_minor;
    const char* range;
  };
  const Case cases[] = {
      {"suspend_timeout", "10", 26, 25, "1.18 to 1.25"},
      {"cancel_wait_timeout", "10", 18, 19, "1.19 to 1.26"},
      {"track_extra_parameters", "IntervalStyle", 19, 20, "1.20 to 1.26"},
      {"max_prepared_statements", "100", 20, 21, "1.21 to 1.26"},
      {"max_db_client_connections", "100", 23, 24, "1.24 to 1.26"},
      {"query_wait_notify", "5", 24, 25, "1.25 to 1.26"},
      {"pool_idle_timeout", "5", 25, 26, "1.26 to 1.26"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(check(c.name, c.value, {1, c.present_minor, 0}), "") << c.name;
    const std::string error = check(c.name, c.value, {1, c.absent_minor, 0});
    EXPECT_NE(error.find("exists in PgBouncer "s + c.range + " only, and spec.pgbouncer.version is 1." +
                         std::to_string(c.absent_minor)),
              std::string::npos)
        << error;
  }
  EXPECT_NE(check("server_check_query", "<empty>", {1, 24, 1}), "");
}

TEST(CheckParameters, RefusesASearchPathThatCanRunSqlBeforeLogin) {
  EXPECT_NE(check("track_extra_parameters", "IntervalStyle,search_path", {1, 25, 0}).find("CVE-2025-12819"),
            std::string::npos);
  EXPECT_EQ(check("track_extra_parameters", "IntervalStyle,search_path", {1, 25, 1}), "");
}

TEST(CheckParameters, FindsAllErrorsAtOnce) {
  const auto errors =
      check_parameters({{"a", "1"}, {"log_stats", "2"}, {"log_connections", "1"}, {"pool_mode", "x"}}, kOldest);
  EXPECT_EQ(errors.size(), 3U);
  std::map<std::string, std::string> many;
  for (int i = 0; i < 65; ++i) many["p" + std::to_string(i)] = "1";
  EXPECT_EQ(check_parameters(many, kOldest).size(), 1U);
}

TEST(CanonicalValue, IsWhatShowConfigGivesBack) {
  struct Case {
    const char* name;
    const char* value;
    const char* canonical;
  };
  const Case cases[] = {{"log_connections", "true", "1"},
                        {"log_connections", "false", "0"},
                        {"server_login_retry", "1.50", "1.5"},
                        {"server_login_retry", "2.0", "2"},
                        {"server_login_retry", "20", "20"},
                        {"ignore_startup_parameters", " a , b", "a,b"},
                        {"server_check_query", " select 1 ", "select 1"}};
  for (const Case& c : cases) {
    const auto result = canonical_value(*find_option(Section::kPgbouncer, c.name), c.value);
    ASSERT_TRUE(result) << c.name;
    EXPECT_EQ(*result, c.canonical);
    EXPECT_EQ(*canonical_value(*find_option(Section::kPgbouncer, c.name), *result), *result) << "not stable";
  }
}

TEST(OptionTable, EveryDefaultIsAValueOfItsOption) {
  // These mean "not set" or cannot be asked for by a user, though they are the default.
  const std::vector<std::string_view> outside = {"client_tls_sslmode", "auth_type"};
  for (int minor = kMinorMin; minor <= kMinorMax; ++minor) {
    const PgbouncerVersion version{1, minor, 0};
    for (const Option& option : options(Section::kPgbouncer)) {
      const std::string_view value = default_value(option.name, version);
      const bool is_unlimited = value == "0" && option.min > 0;
      if (value.empty() || is_unlimited || std::count(outside.begin(), outside.end(), option.name) != 0) continue;
      EXPECT_TRUE(canonical_value(option, value)) << option.name << "=" << value << " in 1." << minor;
    }
  }
}

TEST(OptionTable, DefaultsMoveWithTheVersion) {
  const auto check_default = [](const char* name, int minor, const char* value) {
    EXPECT_EQ(default_value(name, {1, minor, 0}), value) << name << " in 1." << minor;
  };
  check_default("server_tls_sslmode", 19, "disable");
  check_default("server_tls_sslmode", 20, "prefer");
  check_default("max_prepared_statements", 23, "0");
  check_default("max_prepared_statements", 24, "200");
  check_default("server_check_query", 24, "select 1");
  check_default("server_check_query", 25, "<empty>");
  check_default("client_tls_ciphers", 20, "fast");
  check_default("client_tls_ciphers", 21, "default");
}

TEST(OptionTable, SectionsHaveTheirOwnOptions) {
  EXPECT_EQ(find_option(Section::kDatabases, "reserve_pool_size")->first_minor, 24);
  EXPECT_EQ(find_option(Section::kDatabases, "reserve_pool")->first_minor, 18);
  EXPECT_EQ(find_option(Section::kUsers, "pool_size")->first_minor, 23);
  EXPECT_EQ(find_option(Section::kUsers, "host"), nullptr);
  EXPECT_EQ(find_option(Section::kPgbouncer, "host"), nullptr);
}

TEST(MergedStartupParameters, AlwaysHaveOptions) {
  EXPECT_EQ(merged_startup_parameters(""), "extra_float_digits,options");
  EXPECT_EQ(merged_startup_parameters("search_path, options"), "extra_float_digits,options,search_path");
}

}  // namespace
}  // namespace poolwright::render

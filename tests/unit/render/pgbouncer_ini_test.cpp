#include "render/pgbouncer_ini.h"

#include <gtest/gtest.h>

#include "render/options.h"
#include "sample_pool.h"

namespace poolwright::render {
namespace {

using namespace std::string_literals;

Result<Ini> ini_of(const api::ConnectionPool& pool, std::int32_t pod_slots = 1) {
  std::map<std::string, std::string> usernames;
  std::map<std::string, Shares> shares;
  for (const api::Database& database : pool.spec.databases) {
    usernames[database.name] = database.name + "_app";
    shares[database.name] = shares_of(database, api::initial_size(database.pool_size), pod_slots);
  }
  return pgbouncer_ini({pool.spec, *parse_version(pool.spec.pgbouncer.version), usernames, shares});
}

/// Value of a setting of the smallest pool after a change; "(none)" where it is not written.
template <typename Change>
std::string setting_after(const char* name, Change change) {
  api::ConnectionPool pool = testing::smallest_pool();
  change(pool.spec);
  const auto ini = ini_of(pool);
  if (!ini) return ini.error().message;
  const std::string* value = find_setting(ini->pgbouncer, name);
  return value == nullptr ? "(none)" : *value;
}

TEST(PgbouncerIni, WritesOnlyOptionsOfTheVersionWithAllowedValues) {
  for (int minor = kMinorMin; minor <= kMinorMax; ++minor) {
    const PgbouncerVersion version{1, minor, 0};
    for (api::ConnectionPool pool : {testing::smallest_pool(), testing::full_pool()}) {
      pool.spec.pgbouncer.version = "1." + std::to_string(minor);
      if (minor < 25) pool.spec.pgbouncer.timeouts.transaction_seconds = 0;
      const auto ini = ini_of(pool);
      ASSERT_TRUE(ini) << ini.error().message;
      for (const Setting& setting : ini->pgbouncer) {
        const Option* option = find_option(Section::kPgbouncer, setting.key);
        ASSERT_NE(option, nullptr) << setting.key;
        EXPECT_TRUE(exists_in(*option, version)) << setting.key << " in 1." << minor;
        EXPECT_EQ(canonical_value(*option, setting.value).value_or(""), setting.value) << setting.key;
      }
      for (const IniEntry& entry : ini->databases) {
        for (const Setting& setting : entry.settings) {
          const Option* option = find_option(Section::kDatabases, setting.key);
          ASSERT_NE(option, nullptr) << setting.key;
          EXPECT_TRUE(exists_in(*option, version)) << setting.key << " in 1." << minor;
          EXPECT_EQ(canonical_value(*option, setting.value).value_or(""), setting.value) << setting.key;
        }
      }
    }
  }
}

TEST(PgbouncerIni, FollowsTheTypedFields) {
  using Spec = api::ConnectionPoolSpec;
  const auto unchanged = [](Spec&) {};
  EXPECT_EQ(setting_after("max_client_conn", unchanged), "110");
  EXPECT_EQ(setting_after("pool_mode", unchanged), "transaction");
  EXPECT_EQ(setting_after("pool_mode", [](Spec& s) { s.pgbouncer.pool_mode = api::PoolMode::kSession; }), "session");
  EXPECT_EQ(setting_after("query_wait_timeout", unchanged), "120");
  EXPECT_EQ(setting_after("server_idle_timeout", unchanged), "60");
  EXPECT_EQ(setting_after("server_connect_timeout", unchanged), "15");
  EXPECT_EQ(setting_after("server_lifetime", unchanged), "3600");
  EXPECT_EQ(setting_after("transaction_timeout", [](Spec& s) { s.pgbouncer.timeouts.transaction_seconds = 9; }), "9");
  EXPECT_EQ(setting_after("transaction_timeout", [](Spec& s) { s.pgbouncer.version = "1.24"; }), "(none)");
  EXPECT_EQ(setting_after("server_tls_sslmode", unchanged), "prefer");
  EXPECT_EQ(setting_after("server_tls_sslmode", [](Spec& s) { s.postgres.tls.mode = api::TlsMode::kDisable; }),
            "disable");
  EXPECT_EQ(setting_after("client_tls_sslmode", unchanged), "(none)");
  EXPECT_EQ(setting_after("auth_type", unchanged), "hba");
  EXPECT_EQ(setting_after("ignore_startup_parameters", unchanged), "extra_float_digits,options");
}

TEST(PgbouncerIni, PreparedStatementsByVersion) {
  const auto of_version = [](const char* version, const char* given = "") {
    return setting_after("max_prepared_statements", [&](api::ConnectionPoolSpec& spec) {
      spec.pgbouncer.version = version;
      if (*given != '\0') spec.pgbouncer.parameters["max_prepared_statements"] = given;
    });
  };
  EXPECT_EQ(of_version("1.20"), "(none)");
  EXPECT_EQ(of_version("1.21"), "0");
  EXPECT_EQ(of_version("1.22"), "200");
  EXPECT_EQ(of_version("1.26"), "200");
  EXPECT_EQ(of_version("1.26", "7"), "7");
  EXPECT_EQ(of_version("1.21", "7"), "7");
}

TEST(PgbouncerIni, TheUsersParametersComeOverOurDefaults) {
  const auto with = [](const char* name, const char* value) {
    return setting_after(name, [&](api::ConnectionPoolSpec& spec) { spec.pgbouncer.parameters[name] = value; });
  };
  EXPECT_EQ(with("server_login_retry", "0.50"), "0.5");
  EXPECT_EQ(with("log_connections", "true"), "1");
  EXPECT_EQ(with("ignore_startup_parameters", "search_path"), "extra_float_digits,options,search_path");
}

TEST(PgbouncerIni, RefusesWhatCannotBeRendered) {
  using Spec = api::ConnectionPoolSpec;
  const auto error_after = [](auto change) { return setting_after("pool_mode", change); };
  EXPECT_NE(error_after([](Spec& s) { s.pgbouncer.parameters["listen_port"] = "1"; }).find("parameters.listen_port"),
            std::string::npos);
  EXPECT_NE(error_after([](Spec& s) {
              s.pgbouncer.version = "1.24";
              s.pgbouncer.timeouts.transaction_seconds = 5;
            }).find("timeouts.transactionSeconds: needs PgBouncer 1.25"),
            std::string::npos);
  EXPECT_NE(error_after([](Spec& s) { s.postgres.tls.mode = api::TlsMode::kVerifyCa; }).find("tls.caSecretRef"),
            std::string::npos);
  EXPECT_NE(
      error_after([](Spec& s) { s.pgbouncer.parameters["client_tls_sslmode"] = "require"; }).find("clientTlsSecretRef"),
      std::string::npos);
}

TEST(PgbouncerIni, ClientTlsByTheSecretAndTheMode) {
  struct Case {
    const char* mode;
    const char* written;
    bool is_required;
    bool has_authority;
  };
  const Case cases[] = {{"", "require", true, false},
                        {"prefer", "prefer", false, false},
                        {"allow", "allow", false, false},
                        {"verify-ca", "verify-ca", true, true},
                        {"verify-full", "verify-full", true, true}};
  for (const Case& c : cases) {
    api::ConnectionPool pool = testing::smallest_pool();
    pool.spec.pgbouncer.client_tls_secret_ref = api::SecretRef{"tls"};
    if (*c.mode != '\0') pool.spec.pgbouncer.parameters["client_tls_sslmode"] = c.mode;
    const Ini ini = ini_of(pool).value();
    EXPECT_EQ(*find_setting(ini.pgbouncer, "client_tls_sslmode"), c.written);
    EXPECT_EQ(find_setting(ini.pgbouncer, "client_tls_ca_file") != nullptr, c.has_authority);
    EXPECT_EQ(requires_client_tls(pool.spec.pgbouncer), c.is_required) << c.mode;
  }
  EXPECT_FALSE(requires_client_tls(testing::smallest_pool().spec.pgbouncer));
}

TEST(WrapperIni, OverridesWhereItListens) {
  EXPECT_EQ(wrapper_ini("127.0.0.1", 7000),
            "%include config/pgbouncer.ini\nlisten_addr = 127.0.0.1\nlisten_port = 7000\nunix_socket_dir =\n");
}

}  // namespace
}  // namespace poolwright::render

// Rendered files on real PgBouncers: every version that is installed starts on them, reads back every setting as
// written, lets in exactly who may, and takes a changed configuration by RELOAD.
#include "pgbouncer_run.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <set>

#include "api/credentials.h"
#include "render/ini.h"
#include "render/options.h"
#include "render/version.h"
#include "sample_pool.h"

namespace poolwright::render::testing {
namespace {

/// Settings that the wrapper file overrides.
const std::set<std::string> kOverridden = {"listen_addr", "listen_port", "unix_socket_dir"};

class PgbouncerVersions : public ::testing::TestWithParam<Binary> {
 protected:
  api::ConnectionPool pool_of_version() const {
    api::ConnectionPool pool = smallest_pool();
    pool.spec.pgbouncer.version = GetParam().version;
    pool.spec.postgres.host = "127.0.0.1";
    // Nobody listens there: a login that waits for a server connection has passed PgBouncer's own checks.
    pool.spec.postgres.port = 1;
    pool.spec.pgbouncer.timeouts.query_wait_seconds = 1;
    pool.spec.databases.push_back(make_database("Billing-2"));
    return pool;
  }

  static Rendered rendered(const RenderInputs& inputs) {
    auto result = render(inputs);
    EXPECT_TRUE(result) << result.error().message;
    return result ? *std::move(result) : Rendered{};
  }

  static bool has_passed(const std::string& login_error) {
    return login_error.empty() || login_error.find("query_wait_timeout") != std::string::npos;
  }

  /// All at once: each that is let in waits for a second.
  static std::vector<std::string> login_errors(const PgbouncerRun& run, const std::vector<std::string>& databases,
                                               const std::vector<Credentials>& logins) {
    std::vector<std::future<std::string>> pending;
    for (std::size_t i = 0; i < databases.size(); ++i) {
      pending.push_back(std::async(std::launch::async, [&, i] { return run.login_error(databases[i], logins[i]); }));
    }
    std::vector<std::string> errors;
    for (auto& error : pending) errors.push_back(error.get());
    return errors;
  }

  static std::map<std::string, std::string> live_settings(PgbouncerRun& run) {
    std::map<std::string, std::string> live;
    for (const Row& row : run.show("CONFIG")) live[row.at("key")] = row.at("value");
    return live;
  }

  static void check_live(PgbouncerRun& run, const Rendered& expected) {
    const Ini ini = parse_ini(expected.ini).value();
    const auto live = live_settings(run);
    for (const Setting& setting : ini.pgbouncer) {
      if (kOverridden.contains(setting.key)) continue;
      ASSERT_TRUE(live.contains(setting.key)) << setting.key;
      EXPECT_EQ(live.at(setting.key), setting.value) << setting.key;
    }
    std::map<std::string, Row> databases;
    for (const Row& row : run.show("DATABASES")) databases[row.at("name")] = row;
    for (const IniEntry& entry : ini.databases) {
      const Row& row = databases[entry.name];
      const auto value = [&](const char* key) { return *find_setting(entry.settings, key); };
      EXPECT_EQ(row.at("pool_size"), value("pool_size"));
      EXPECT_EQ(row.at("min_pool_size"), value("min_pool_size"));
      EXPECT_EQ(row.at("max_connections"), value("max_db_connections"));
      EXPECT_EQ(row.at("force_user"), value("user"));
      EXPECT_EQ(row.at("database"), value("dbname"));
      EXPECT_EQ(row.at("host"), value("host"));
      EXPECT_EQ(row.at("pool_mode"), value("pool_mode"));
      const bool has_old_name = row.contains("reserve_pool");
      EXPECT_EQ(row.at(has_old_name ? "reserve_pool" : "reserve_pool_size"),
                value(has_old_name ? "reserve_pool" : "reserve_pool_size"));
    }
    std::set<std::string> users;
    for (const Row& row : run.show("USERS")) users.insert(row.at("name"));
    EXPECT_TRUE(users.contains(expected.user_marker));
  }
};

TEST_P(PgbouncerVersions, StartsAndReadsBackWhatWasRendered) {
  const api::ConnectionPool pool = pool_of_version();
  const Rendered first = rendered(sample_inputs(pool));
  PgbouncerRun run(GetParam(), first);
  ASSERT_TRUE(run.is_up()) << run.log();
  EXPECT_EQ(run.log().find("WARNING"), std::string::npos) << run.log();
  check_live(run, first);
}

TEST_P(PgbouncerVersions, ReloadMakesAnotherConfigurationLive) {
  api::ConnectionPool pool = pool_of_version();
  PgbouncerRun run(GetParam(), rendered(sample_inputs(pool)));
  ASSERT_TRUE(run.is_up()) << run.log();
  pool.spec.databases.back() = make_database("reports");
  pool.spec.pgbouncer.timeouts.query_wait_seconds = 2;
  pool.spec.pgbouncer.parameters["log_connections"] = "true";
  RenderInputs inputs = sample_inputs(pool);
  inputs.sizes["orders"] = 12;
  inputs.credentials["orders"].password = SecretString("rotated");
  const Rendered second = rendered(inputs);
  ASSERT_TRUE(run.reload(second));
  check_live(run, second);
  EXPECT_TRUE(has_passed(run.login_error("orders", login("orders_app", "rotated"))));
  EXPECT_FALSE(has_passed(run.login_error("orders", login("orders_app", "pw-orders"))));
}

TEST_P(PgbouncerVersions, LetsInExactlyThePairs) {
  const api::ConnectionPool pool = pool_of_version();
  const RenderInputs inputs = sample_inputs(pool);
  PgbouncerRun run(GetParam(), rendered(inputs));
  ASSERT_TRUE(run.is_up()) << run.log();
  struct Case {
    const char* database;
    Credentials credentials;
    bool is_let_in;
  };
  const Credentials orders = inputs.credentials.at("orders");
  const Credentials billing = inputs.credentials.at("Billing-2");
  const Rendered files = rendered(inputs);
  const Case cases[] = {
      {"orders", orders, true},
      {"Billing-2", billing, true},
      {"orders", billing, false},
      {"Billing-2", orders, false},
      {"orders", inputs.console.admin, false},
      {"pgbouncer", orders, false},
      {"pgbouncer", inputs.console.admin, true},
      {"pgbouncer", inputs.console.stats, true},
      {"orders", login("orders_app", "x"), false},
      {"postgres", orders, false},
      {"pgbouncer", login("pgbouncer", "x"), false},
      {"pgbouncer", login(files.user_marker, "x"), false},
  };
  std::vector<std::string> databases;
  std::vector<Credentials> logins;
  for (const Case& c : cases) {
    databases.push_back(c.database);
    logins.push_back(c.credentials);
  }
  const std::vector<std::string> errors = login_errors(run, databases, logins);
  for (std::size_t i = 0; i < errors.size(); ++i) {
    EXPECT_EQ(has_passed(errors[i]), cases[i].is_let_in)
        << cases[i].credentials.username << " -> " << cases[i].database << ": " << errors[i];
  }
}

TEST_P(PgbouncerVersions, TakesEveryPasswordAndUsername) {
  api::ConnectionPool pool = pool_of_version();
  pool.spec.databases.clear();
  for (std::size_t i = 0; i < hostile_texts().size(); ++i) {
    pool.spec.databases.push_back(make_database("d" + std::to_string(i)));
  }
  RenderInputs inputs = sample_inputs(pool);
  for (std::size_t i = 0; i < hostile_texts().size(); ++i) {
    const std::string& text = hostile_texts()[i];
    // The text as username, too, where it is one; each with its index, since a user has one password.
    const bool fits = text.size() < api::kUsernameBytesMax - 4 && text.back() != ' ' && text.front() != ' ';
    const std::string username = fits ? text + std::to_string(i) : "user" + std::to_string(i);
    inputs.credentials["d" + std::to_string(i)] = login(username, text);
  }
  const std::string keyword = "d" + std::to_string(hostile_texts().size() - 5);  // "all" in the HBA file
  inputs.credentials[keyword].username = "all";
  const Rendered files = rendered(inputs);
  PgbouncerRun run(GetParam(), files);
  ASSERT_TRUE(run.is_up()) << run.log();
  check_live(run, files);
  std::vector<std::string> databases;
  std::vector<Credentials> logins;
  for (const auto& [database, credentials] : inputs.credentials) {
    databases.push_back(database);
    logins.push_back(credentials);
  }
  const std::vector<std::string> errors = login_errors(run, databases, logins);
  for (std::size_t i = 0; i < errors.size(); ++i) EXPECT_TRUE(has_passed(errors[i])) << databases[i] << errors[i];
  EXPECT_NE(run.login_error("d0", inputs.credentials.at(keyword)), "");
}

TEST_P(PgbouncerVersions, StartsWithEveryFreeParameter) {
  const PgbouncerVersion version = *parse_version(GetParam().version);
  api::ConnectionPool pool = pool_of_version();
  for (const Option& option : options(Section::kPgbouncer)) {
    if (!option.owner.empty() || !exists_in(option, version) || option.name == "client_tls_sslmode") continue;
    const std::string_view value = default_value(option.name, version);
    if (!value.empty()) pool.spec.pgbouncer.parameters[std::string(option.name)] = std::string(value);
  }
  const Rendered files = rendered(sample_inputs(pool));
  PgbouncerRun run(GetParam(), files);
  ASSERT_TRUE(run.is_up()) << run.log();
  check_live(run, files);
}

/// A self-signed certificate for 127.0.0.1 and its key, as the files that a pool with TLS mounts.
Row tls_files() {
  std::string directory = (std::filesystem::temp_directory_path() / "poolwright-tls-XXXXXX").string();
  EXPECT_NE(mkdtemp(directory.data()), nullptr);
  const std::string command = "cd " + directory +
                              " && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
                              "-subj /CN=127.0.0.1 -keyout key -out certificate 2>/dev/null";
  EXPECT_EQ(std::system(command.c_str()), 0);  // NOLINT(concurrency-mt-unsafe): one thread
  const auto text_of = [&](const char* name) {
    std::ifstream file(directory + "/" + name);
    return std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  };
  const std::string certificate = text_of("certificate");
  const std::string key = text_of("key");
  std::filesystem::remove_all(directory);
  return {{"client-tls/tls.crt", certificate}, {"client-tls/tls.key", key}, {"client-tls/ca.crt", certificate},
          {"server-tls/tls.crt", certificate}, {"server-tls/tls.key", key}, {"server-tls/ca.crt", certificate}};
}

TEST_P(PgbouncerVersions, TlsIsAskedForAsTheResourceSays) {
  api::ConnectionPool pool = pool_of_version();
  pool.spec.postgres.tls = {.mode = api::TlsMode::kVerifyFull,
                            .ca_secret_ref = api::SecretRef{"ca"},
                            .client_cert_secret_ref = api::SecretRef{"certificate"}};
  pool.spec.pgbouncer.client_tls_secret_ref = api::SecretRef{"tls"};
  const RenderInputs inputs = sample_inputs(pool);
  const Row files = tls_files();
  {
    PgbouncerRun run(GetParam(), rendered(inputs), files);
    ASSERT_TRUE(run.is_up()) << run.log();
    check_live(run, rendered(inputs));
    EXPECT_EQ(run.login_error("pgbouncer", inputs.console.admin, "sslmode=require"), "");
    EXPECT_NE(run.login_error("pgbouncer", inputs.console.admin, "sslmode=disable"), "");
  }
  pool.spec.pgbouncer.parameters["client_tls_sslmode"] = "prefer";
  {
    PgbouncerRun run(GetParam(), rendered(inputs), files);
    ASSERT_TRUE(run.is_up()) << run.log();
    EXPECT_EQ(run.login_error("pgbouncer", inputs.console.admin, "sslmode=require"), "");
    EXPECT_EQ(run.login_error("pgbouncer", inputs.console.admin, "sslmode=disable"), "");
  }
}

TEST_P(PgbouncerVersions, TheTableIsWhatShowConfigSays) {
  const PgbouncerVersion version = *parse_version(GetParam().version);
  const api::ConnectionPool pool = pool_of_version();
  PgbouncerRun run(GetParam(), rendered(sample_inputs(pool)));
  ASSERT_TRUE(run.is_up()) << run.log();
  std::set<std::string_view> known;
  for (const Option& option : options(Section::kPgbouncer)) {
    if (exists_in(option, version) && option.name != "service_name") known.insert(option.name);
  }
  for (const Row& row : run.show("CONFIG")) {
    const Option* option = find_option(Section::kPgbouncer, row.at("key"));
    ASSERT_NE(option, nullptr) << row.at("key");
    EXPECT_EQ(known.erase(row.at("key")), 1U) << row.at("key") << " is not in this version by the table";
    EXPECT_EQ(row.at("changeable") == "yes", option->online) << row.at("key");
    const std::string_view expected = default_value(option->name, version);
    const bool is_octal = option->name == "unix_socket_mode";
    if (!expected.empty() && !is_octal) {
      EXPECT_EQ(row.at("default"), expected) << row.at("key");
    }
  }
  EXPECT_TRUE(known.empty()) << *known.begin() << " is only in the table";
}

INSTANTIATE_TEST_SUITE_P(Installed, PgbouncerVersions, ::testing::ValuesIn(installed_pgbouncers()),
                         [](const auto& binary) {
                           std::string name = "v" + binary.param.version;
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(PgbouncerVersions);

}  // namespace
}  // namespace poolwright::render::testing

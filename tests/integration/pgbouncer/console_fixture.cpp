#include "integration/pgbouncer/console_fixture.h"

#include <algorithm>
#include <chrono>
#include <thread>

namespace poolwright::tests {

namespace {

pgbouncer::FleetOptions quick() {
  pgbouncer::FleetOptions options;
  options.poll_interval = Duration{100};
  options.connects.rest = Backoff{Duration{50}, Duration{200}};
  return options;
}

}  // namespace

bool eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 1'500; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  }
  return false;
}

pgbouncer::ExpectedConfig expected_config(const IniOptions& options, std::uint16_t postgres_port) {
  const std::string port = std::to_string(postgres_port);
  pgbouncer::ExpectedConfig expected;
  expected.settings = {{"listen_addr", "127.0.0.1"},     {"auth_type", "scram-sha-256"},
                       {"admin_users", "admin"},         {"stats_users", "stats"},
                       {"pool_mode", "transaction"},     {"max_client_conn", "90"},
                       {"default_pool_size", "7"},       {"query_wait_timeout", options.query_wait_timeout},
                       {"syslog_ident", options.marker}, {"ignore_startup_parameters", "extra_float_digits,options"},
                       {"log_connections", "0"}};
  expected.databases = {{.name = "app",
                         .options = {{"host", "127.0.0.1"},
                                     {"port", port},
                                     {"user", "app_user"},
                                     {"dbname", "app"},
                                     {"pool_size", std::to_string(options.pool_size)}}},
                        {.name = "my-db",
                         .options = {{"host", "127.0.0.1"},
                                     {"port", port},
                                     {"user", "app_user"},
                                     {"dbname", "other"},
                                     {"pool_size", "2"},
                                     {"min_pool_size", "1"},
                                     {"reserve_pool", "1"}}}};
  expected.user_marker = options.user_marker;
  return expected;
}

void ConsoleFixture::SetUp() {
  if (!has_pgbouncer(GetParam())) GTEST_SKIP() << "PgBouncer " << GetParam() << " is not on this machine";
  database = PostgresServer::shared();
  if (!database) GTEST_SKIP() << "PostgreSQL 15 is not on this machine";
  ASSERT_TRUE(database->is_ready());
  server = std::make_unique<PgBouncerServer>(GetParam(), database->port());
  ASSERT_TRUE(server->wait_until_ready()) << server->log();
  io_thread = std::make_unique<postgres::IoThread>();
  fleet = std::make_unique<pgbouncer::ConsoleFleet>(*io_thread, clock, random_source, quick());
  fleet->set_pod(kPod, target());
  console = fleet->console(kPod);
  const auto is_polled = [this] { return fleet->observation(kPod)->observed_at.has_value(); };
  const bool is_up = eventually(is_polled);
  const auto seen = fleet->observation(kPod);
  ASSERT_TRUE(is_up) << (seen->error ? describe(*seen->error) : "") << server->log();
}

pgbouncer::PodTarget ConsoleFixture::target(const std::string& user) const {
  return {.address = "127.0.0.1",
          .port = server->port(),
          .logins = {{.user = user, .password = SecretString(user + "-password")}},
          .tls = {.mode = "disable"}};
}

bool ConsoleFixture::can_open_another_console() const {
  SystemRandom random;
  pgbouncer::ConsoleFleet other(*io_thread, clock, random, quick());
  other.set_pod("other", target());
  const auto seen = [&other] { return other.observation("other"); };
  eventually([&seen] { return seen()->is_connected || seen()->failures > 0; });
  return seen()->is_connected;
}

std::string version_name(const testing::TestParamInfo<std::string>& parameter) {
  std::string name = "v" + parameter.param;
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

}  // namespace poolwright::tests

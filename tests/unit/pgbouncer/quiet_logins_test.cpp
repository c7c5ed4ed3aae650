// Waiting for a moment without logins. That a RELOAD then ends none is shown with real PgBouncers (e2e: local,
// operations).
#include "pgbouncer/quiet_logins.h"

#include <gtest/gtest.h>

#include "fakes/fake_console.h"
#include "fakes/manual_clock.h"

namespace poolwright::tests {
namespace {

using pgbouncer::DatabaseRow;
using pgbouncer::LoginActivity;
using pgbouncer::PoolRow;

TEST(LoginActivityOf, OnePool) {
  struct Case {
    const char* what;
    PoolRow pool;
    LoginActivity activity;
  };
  const Case cases[] = {
      {"nothing at all", {.database = "app"}, LoginActivity::kNone},
      {"a login", {.database = "app", .sv_active = 3, .sv_login = 1}, LoginActivity::kRunning},
      {"a client waits, and there is room",
       {.database = "app", .cl_waiting = 1, .sv_active = 3},
       LoginActivity::kExpected},
      {"room, but nobody waits", {.database = "app", .sv_active = 3}, LoginActivity::kNone},
      {"clients wait for a full pool",
       {.database = "app", .cl_waiting = 9, .sv_active = 2, .sv_idle = 2},
       LoginActivity::kNone},
      {"more than the size", {.database = "app", .cl_waiting = 9, .sv_active = 8}, LoginActivity::kNone},
      {"tested and used ones count",
       {.database = "app", .cl_waiting = 1, .sv_active = 2, .sv_used = 1, .sv_tested = 1},
       LoginActivity::kNone},
      {"no pool of the config", {.database = "pgbouncer", .cl_waiting = 1}, LoginActivity::kNone},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.what);
    EXPECT_EQ(pgbouncer::login_activity({one.pool}, {DatabaseRow{.name = "app", .pool_size = 4}}), one.activity);
  }
}

TEST(LoginActivityOf, TheBusiestOfAllPools) {
  const std::vector<DatabaseRow> databases = {{.name = "app", .pool_size = 4}, {.name = "other", .pool_size = 4}};
  const PoolRow full{.database = "app", .cl_waiting = 5, .sv_active = 4};
  const PoolRow waits{.database = "other", .cl_waiting = 5, .sv_active = 3};
  EXPECT_EQ(pgbouncer::login_activity({full, waits}, databases), LoginActivity::kExpected);
  EXPECT_EQ(pgbouncer::login_activity({waits, {.database = "app", .sv_login = 1}}, databases), LoginActivity::kRunning);
}

class AwaitQuietLogins : public testing::Test {
 protected:
  AwaitQuietLogins()
      : console(12401, {.databases = {{.name = "app", .options = {{"pool_size", "4"}, {"user", "app"}}}},
                        .settings = {},
                        .users = {},
                        .bad_database = std::nullopt,
                        .bad_setting = std::nullopt}) {}

  /// The number of looks; `change` is called with the number of each before it is answered.
  int looks(const std::function<void(int)>& change, std::stop_token stop = {}) {
    int count = 0;
    console.on_command([&](const std::string& command) {
      clock.advance(std::chrono::milliseconds{10});
      if (command == "SHOW POOLS") change(++count);
    });
    pgbouncer::await_quiet_logins(console, clock, {Deadline(clock, Duration{10'000}), std::move(stop)},
                                  {.look = Duration{0}, .login_limit = Duration{200}, .limit = Duration{500}});
    return count;
  }

  ManualClock clock;
  FakeConsole console;
};

TEST_F(AwaitQuietLogins, ComesBackAtOnceWhereNothingLogsIn) {
  EXPECT_EQ(looks([](int) {}), 1);
}

TEST_F(AwaitQuietLogins, WaitsUntilThePoolIsComplete) {
  EXPECT_EQ(looks([this](int look) {
              const int have = look / 3;
              console.set_gauges("app", {.cl_waiting = 20, .sv_active = have, .sv_login = have < 4 ? look % 2 : 0});
            }),
            12);
}

TEST_F(AwaitQuietLogins, DoesNotWaitForALoginThatIsNotBegun) {
  console.set_gauges("app", {.cl_waiting = 20});
  EXPECT_EQ(looks([](int) {}), 5);
}

TEST_F(AwaitQuietLogins, ConnectionsThatBecomeMoreTellOfLoginsThatNoLookMet) {
  EXPECT_EQ(looks([this](int look) { console.set_gauges("app", {.cl_waiting = 20, .sv_active = look / 4}); }), 16);
}

TEST_F(AwaitQuietLogins, EndsWhereALoginHangs) {
  console.set_gauges("app", {.cl_waiting = 20, .sv_active = 1, .sv_login = 1});
  EXPECT_EQ(looks([](int) {}), 21) << "ten milliseconds each";
}

TEST_F(AwaitQuietLogins, EndsAtTheLimitWhereLoginsNeverEnd) {
  EXPECT_EQ(
      looks([this](int look) { console.set_gauges("app", {.cl_waiting = 20, .sv_active = look % 4, .sv_login = 1}); }),
      49);
}

TEST_F(AwaitQuietLogins, EndsWhenAskedToStopOrNotAnswered) {
  console.set_gauges("app", {.sv_login = 1});
  std::stop_source stop;
  EXPECT_EQ(looks(
                [&](int look) {
                  if (look == 5) stop.request_stop();
                },
                stop.get_token()),
            5);
  console.fail_command("SHOW POOLS", make_error(ErrorKind::kUnavailable, "gone"));
  EXPECT_EQ(looks([](int) {}), 1);
}

}  // namespace
}  // namespace poolwright::tests

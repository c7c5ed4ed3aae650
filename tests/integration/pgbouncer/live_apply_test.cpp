// The verified apply against real PgBouncers.
#include "pgbouncer/live_apply.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "integration/pgbouncer/console_fixture.h"

namespace poolwright::tests {
namespace {

using pgbouncer::ApplyOutcome;
using pgbouncer::ApplyState;
using testing::HasSubstr;
using testing::IsEmpty;

class LiveApply : public ConsoleFixture {
 protected:
  ApplyOutcome apply(const IniOptions& options, Duration limit = Duration{10'000}) {
    const CallLimits call{Deadline(clock, limit), {}};
    return apply_config(*console, expected_config(options, database->port()), clock, call,
                        {.retry = Duration{50}, .command_limit = Duration{5'000}});
  }

  /// Writes a file that PgBouncer refuses, applies it, and repairs through the console that is still open.
  void push_bad_config(const IniOptions& bad) {
    const IniOptions good{};
    server->write_config(bad);
    const ApplyOutcome refused = apply(bad);
    EXPECT_THAT(refused.state, testing::AnyOf(ApplyState::kHalfApplied, ApplyState::kRefused)) << refused.message;
    EXPECT_EQ(refused.reloads, 1);
    if (is_at_least(12500)) {
      EXPECT_THAT(refused.message, HasSubstr("RELOAD said")) << "1.25 and newer say that they refused";
    }
    server->write_config(good);
    const ApplyOutcome repaired = apply(good);
    EXPECT_EQ(repaired.state, ApplyState::kLive) << repaired.message;
    EXPECT_THAT(repaired.differences, IsEmpty());
    EXPECT_EQ(fleet->observation(kPod)->connects, 1) << "the console must have stayed open all the time";
    EXPECT_TRUE(can_open_another_console());
  }
};

TEST_P(LiveApply, ConfigThatRunsIsLeftAlone) {
  const ApplyOutcome outcome = apply({});
  EXPECT_EQ(outcome.state, ApplyState::kLive) << outcome.message;
  EXPECT_EQ(outcome.reloads, 0);
  EXPECT_EQ(outcome.marker, "gen-1");
  EXPECT_THAT(outcome.version, testing::StartsWith(GetParam()));
}

TEST_P(LiveApply, NewSizesAndSettingsAreReadBack) {
  const IniOptions wanted{.marker = "gen-2", .pool_size = 9, .query_wait_timeout = "1.5", .user_marker = "m-gen-2"};
  server->write_config(wanted);
  const ApplyOutcome outcome = apply(wanted);
  EXPECT_EQ(outcome.state, ApplyState::kLive) << outcome.message;
  EXPECT_EQ(outcome.reloads, 1);
  const auto databases = show_databases(*console, limits());
  ASSERT_TRUE(databases) << describe(databases.error());
  bool is_found = false;
  for (const auto& row : *databases) {
    if (row.name != "app") continue;
    is_found = true;
    EXPECT_EQ(row.pool_size, 9);
  }
  EXPECT_TRUE(is_found);
}

TEST_P(LiveApply, WaitsForAFileThatComesLater) {
  const IniOptions wanted{.marker = "gen-2", .pool_size = 6};
  ApplyOutcome outcome;
  std::thread worker([&] { outcome = apply(wanted, Duration{60'000}); });
  std::this_thread::sleep_for(std::chrono::milliseconds{400});
  server->write_config(wanted);
  worker.join();
  EXPECT_EQ(outcome.state, ApplyState::kLive) << outcome.message;
  EXPECT_GT(outcome.reloads, 1);
}

TEST_P(LiveApply, FileThatNeverComesLeavesTheOldConfigInPeace) {
  const ApplyOutcome outcome = apply({.marker = "gen-2"}, Duration{300});
  EXPECT_EQ(outcome.state, ApplyState::kNotYetThere) << outcome.message;
  EXPECT_EQ(outcome.marker, "gen-1");
  EXPECT_THAT(outcome.message, HasSubstr("'gen-1'"));
}

TEST_P(LiveApply, UserlistThatComesLaterIsNotYetThere) {
  server->write_config({.marker = "gen-2"});
  const ApplyOutcome outcome = apply({.marker = "gen-2", .user_marker = "m-gen-2"}, Duration{300});
  EXPECT_EQ(outcome.state, ApplyState::kNotYetThere) << outcome.message;
  ASSERT_EQ(outcome.differences.size(), 1U);
  EXPECT_EQ(outcome.differences[0].key, "users.m-gen-2");
}

TEST_P(LiveApply, BadLineFirstFallsBackToDefaultsAndIsRepaired) {
  push_bad_config({.marker = "gen-2", .first_line = "no_such_setting = 1\n"});
}

TEST_P(LiveApply, BadLineFirstLocksNewConsolesOutUntilRepaired) {
  const IniOptions bad{.marker = "gen-2", .first_line = "no_such_setting = 1\n"};
  server->write_config(bad);
  EXPECT_EQ(apply(bad).state, ApplyState::kHalfApplied);
  EXPECT_FALSE(can_open_another_console()) << "else this test shows nothing";
  server->write_config({});
  EXPECT_EQ(apply({}).state, ApplyState::kLive);
  EXPECT_TRUE(can_open_another_console());
}

TEST_P(LiveApply, BadLineLastIsFoundAndRepaired) {
  // All settings of the file were taken, the marker among them: up to 1.24 nothing shows that a line was refused,
  // unless that line was to have an effect.
  const IniOptions bad{.marker = "gen-2", .last_line = "server_idle_timeout = soon\n"};
  server->write_config(bad);
  auto expected = expected_config(bad, database->port());
  expected.settings["server_idle_timeout"] = "30";
  const ApplyOutcome outcome = apply_config(*console, expected, clock, limits());
  EXPECT_EQ(outcome.state, ApplyState::kHalfApplied) << outcome.message;
  EXPECT_THAT(outcome.message, HasSubstr("server_idle_timeout"));
  server->write_config({});
  EXPECT_EQ(apply({}).state, ApplyState::kLive);
}

TEST_P(LiveApply, BadDatabaseLineIsFoundAndRepaired) {
  // Behind the changed line of app: app runs in its new size, the settings and my-db stay as they were.
  push_bad_config({.marker = "gen-2", .pool_size = 8, .database_line = "x = nonsense=1\n"});
}

TEST_P(LiveApply, FileRefusedBeforeAnythingChangedLeavesTheOldConfigInPeace) {
  const IniOptions bad{.marker = "gen-2", .pool_size = 8, .first_database_line = "x = nonsense=1\n"};
  server->write_config(bad);
  const ApplyOutcome outcome = apply(bad, Duration{300});
  // Up to 1.24 nothing tells this from a file that did not arrive.
  EXPECT_EQ(outcome.state, is_at_least(12500) ? ApplyState::kRefused : ApplyState::kNotYetThere) << outcome.message;
  EXPECT_EQ(outcome.marker, "gen-1");
  server->write_config({});
  EXPECT_EQ(apply({}).state, ApplyState::kLive);
}

TEST_P(LiveApply, RepairWaitsForTheGoodFile) {
  const IniOptions bad{.marker = "gen-2", .first_line = "no_such_setting = 1\n"};
  server->write_config(bad);
  EXPECT_EQ(apply(bad).state, ApplyState::kHalfApplied);
  ApplyOutcome outcome;
  std::thread worker([&] { outcome = apply({}, Duration{60'000}); });
  std::this_thread::sleep_for(std::chrono::milliseconds{300});
  server->write_config({});
  worker.join();
  EXPECT_EQ(outcome.state, ApplyState::kLive) << outcome.message;
  EXPECT_GT(outcome.reloads, 1);
}

TEST_P(LiveApply, SettingThatNeedsARestartIsToldApart) {
  auto expected = expected_config({}, database->port());
  expected.settings["listen_addr"] = "0.0.0.0";
  const ApplyOutcome outcome = apply_config(*console, expected, clock, limits());
  EXPECT_EQ(outcome.state, ApplyState::kLive) << outcome.message;
  ASSERT_EQ(outcome.needs_restart.size(), 1U);
  EXPECT_EQ(outcome.needs_restart[0].key, "listen_addr");
}

TEST_P(LiveApply, RemovedDatabaseIsGone) {
  const IniOptions with_more{.marker = "gen-2",
                             .database_line = "extra = host=127.0.0.1 port=" + std::to_string(database->port()) +
                                              " user=app_user dbname=app\n"};
  server->write_config(with_more);
  EXPECT_EQ(apply(with_more).state, ApplyState::kHalfApplied) << "a database that nobody rendered is a difference";
  server->write_config({.marker = "gen-3"});
  const ApplyOutcome outcome = apply({.marker = "gen-3"});
  EXPECT_EQ(outcome.state, ApplyState::kLive) << outcome.message;
}

TEST_P(LiveApply, StatsUserMayLookButNotApply) {
  fleet->set_pod("reader", target("stats"));
  console = fleet->console("reader");
  ASSERT_TRUE(eventually([this] { return fleet->observation("reader")->is_connected; }));
  EXPECT_TRUE(read_live(*console, limits()).has_value());
  const ApplyOutcome outcome = apply({.marker = "gen-2"});
  EXPECT_EQ(outcome.state, ApplyState::kForbidden) << outcome.message;
}

TEST_P(LiveApply, StopsWhenAskedTo) {
  std::stop_source stop;
  stop.request_stop();
  const CallLimits call{Deadline(clock, Duration{60'000}), stop.get_token()};
  const ApplyOutcome outcome = apply_config(*console, expected_config({}, database->port()), clock, call);
  EXPECT_EQ(outcome.state, ApplyState::kInterrupted);
}

TEST_P(LiveApply, PgBouncerThatIsGoneIsUnreachable) {
  server->process().send_signal(SIGQUIT);
  server->process().wait_for_end();
  const ApplyOutcome outcome = apply({.marker = "gen-2"}, Duration{300});
  EXPECT_EQ(outcome.state, ApplyState::kUnreachable) << outcome.message;
}

INSTANTIATE_TEST_SUITE_P(Versions, LiveApply, testing::ValuesIn(pgbouncer_versions()), version_name);

}  // namespace
}  // namespace poolwright::tests

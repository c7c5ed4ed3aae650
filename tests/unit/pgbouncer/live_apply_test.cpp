// The verified apply against a PgBouncer in memory: orders of events that are hard to bring about with a real one.
#include "pgbouncer/live_apply.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "fakes/fake_console.h"
#include "fakes/manual_clock.h"

namespace poolwright::tests {
namespace {

using pgbouncer::ApplyOutcome;
using pgbouncer::ApplyState;
using testing::HasSubstr;

constexpr int kSilent = 12401;  // says RELOAD succeeded when it did not
constexpr int kHonest = 12601;

FakeFile file(const std::string& marker, int pool_size = 12) {
  return {.databases = {{.name = "app", .options = {{"pool_size", std::to_string(pool_size)}, {"user", "app"}}},
                        {.name = "other", .options = {{"pool_size", "3"}, {"user", "other"}}}},
          .settings = {{"max_client_conn", "110"},
                       {"syslog_ident", marker},
                       {"pool_mode", "transaction"},
                       {"query_wait_timeout", "15"}},
          .users = {"app", "other", "m-" + marker},
          .bad_database = std::nullopt,
          .bad_setting = std::nullopt};
}

pgbouncer::ExpectedConfig expected(const FakeFile& wanted) {
  pgbouncer::ExpectedConfig config{
      .settings = {wanted.settings.begin(), wanted.settings.end()}, .databases = wanted.databases, .user_marker = ""};
  config.user_marker = wanted.users.back();
  return config;
}

class LiveApply : public testing::Test {
 protected:
  ApplyOutcome apply(FakeConsole& console, const FakeFile& wanted, std::stop_token stop = {}) {
    // Time passes with each command, so that a deadline is a number of commands.
    console.on_command([this](const std::string&) { clock.advance(std::chrono::milliseconds{10}); });
    const CallLimits limits{Deadline(clock, Duration{1'000}), std::move(stop)};
    return apply_config(console, expected(wanted), clock, limits,
                        {.retry = Duration{0}, .command_limit = Duration{5'000}});
  }

  static int reloads(const FakeConsole& console) {
    const auto commands = console.commands();
    return static_cast<int>(std::count(commands.begin(), commands.end(), "RELOAD"));
  }

  ManualClock clock;
};

TEST_F(LiveApply, NothingIsSentButShowWhenLive) {
  FakeConsole console(kSilent, file("a"));
  const auto outcome = apply(console, file("a"));
  EXPECT_EQ(outcome.state, ApplyState::kLive);
  EXPECT_EQ(outcome.version, "1.24.1");
  EXPECT_EQ(reloads(console), 0);
}

TEST_F(LiveApply, OneReloadBringsTheFile) {
  FakeConsole console(kSilent, file("a"));
  console.write_file(file("b", 20));
  const auto outcome = apply(console, file("b", 20));
  EXPECT_EQ(outcome.state, ApplyState::kLive) << outcome.message;
  EXPECT_EQ(outcome.marker, "b");
  EXPECT_EQ(reloads(console), 1);
}

TEST_F(LiveApply, OldMarkerIsRetriedUntilTheFileComes) {
  FakeConsole console(kHonest, file("a"));
  console.write_file_after(5, file("b"));
  const auto outcome = apply(console, file("b"));
  EXPECT_EQ(outcome.state, ApplyState::kLive) << outcome.message;
  EXPECT_EQ(outcome.reloads, 6);
}

TEST_F(LiveApply, AnotherGenerationInBetweenIsNoFailure) {
  FakeConsole console(kSilent, file("a"));
  console.write_file(file("b", 14));
  console.write_file_after(3, file("c", 16));
  const auto outcome = apply(console, file("c", 16));
  EXPECT_EQ(outcome.state, ApplyState::kLive) << outcome.message;
}

TEST_F(LiveApply, DeadlineLeavesNotYetThere) {
  FakeConsole console(kSilent, file("a"));
  const auto outcome = apply(console, file("b"));
  EXPECT_EQ(outcome.state, ApplyState::kNotYetThere);
  EXPECT_EQ(outcome.marker, "a");
  EXPECT_FALSE(outcome.differences.empty());
}

struct BadFile {
  const char* name;
  std::optional<std::size_t> bad_database;
  std::optional<std::size_t> bad_setting;
  ApplyState silent;
  ApplyState honest;
};

TEST_F(LiveApply, BadFilesAreFoundWhereverTheyBreak) {
  const BadFile cases[] = {
      {"before any setting", std::nullopt, 0, ApplyState::kHalfApplied, ApplyState::kHalfApplied},
      {"before the marker", std::nullopt, 1, ApplyState::kHalfApplied, ApplyState::kHalfApplied},
      {"behind the marker", std::nullopt, 2, ApplyState::kHalfApplied, ApplyState::kHalfApplied},
      {"at the last line", std::nullopt, 3, ApplyState::kHalfApplied, ApplyState::kHalfApplied},
      {"at the first database", 0, std::nullopt, ApplyState::kNotYetThere, ApplyState::kRefused},
      {"behind a changed database", 1, std::nullopt, ApplyState::kHalfApplied, ApplyState::kHalfApplied},
  };
  for (const BadFile& bad : cases) {
    for (const int version : {kSilent, kHonest}) {
      SCOPED_TRACE(std::string(bad.name) + " on " + std::to_string(version));
      FakeConsole console(version, file("a"));
      FakeFile broken = file("b", 20);
      broken.bad_database = bad.bad_database;
      broken.bad_setting = bad.bad_setting;
      console.write_file(broken);
      const auto outcome = apply(console, broken);
      EXPECT_EQ(outcome.state, version == kSilent ? bad.silent : bad.honest) << outcome.message;
      if (outcome.state != ApplyState::kNotYetThere) {
        EXPECT_EQ(outcome.reloads, 1) << "a broken pod is not reloaded again";
      }
      console.write_file(file("a"));
      const auto repaired = apply(console, file("a"));
      EXPECT_EQ(repaired.state, ApplyState::kLive) << repaired.message;
    }
  }
}

TEST_F(LiveApply, MessageNamesWhatFellBack) {
  FakeConsole console(kHonest, file("a"));
  FakeFile broken = file("b");
  broken.bad_setting = 0;
  console.write_file(broken);
  const auto outcome = apply(console, broken);
  EXPECT_THAT(outcome.message, HasSubstr("max_client_conn is 100, not 110 (fell back to the default)"));
  EXPECT_THAT(outcome.message, HasSubstr("RELOAD said: RELOAD failed"));
}

TEST_F(LiveApply, RepairGoesOnWhileTheBadFileIsStillThere) {
  for (const int version : {kSilent, kHonest}) {
    FakeConsole console(version, file("a"));
    FakeFile broken = file("b");
    broken.bad_setting = 0;
    console.write_file(broken);
    ASSERT_EQ(apply(console, broken).state, ApplyState::kHalfApplied);
    console.write_file_after(4, file("a"));
    const auto repaired = apply(console, file("a"));
    EXPECT_EQ(repaired.state, ApplyState::kLive) << repaired.message;
    EXPECT_EQ(repaired.reloads, 5);
  }
}

TEST_F(LiveApply, RepairThatNeverComesIsStillHalfApplied) {
  FakeConsole console(kSilent, file("a"));
  FakeFile broken = file("b");
  broken.bad_setting = 0;
  console.write_file(broken);
  ASSERT_EQ(apply(console, broken).state, ApplyState::kHalfApplied);
  EXPECT_EQ(apply(console, file("a")).state, ApplyState::kHalfApplied);
}

TEST_F(LiveApply, SomebodysSetIsUndone) {
  FakeConsole console(kSilent, file("a"));
  console.set("max_client_conn", "5");
  const auto outcome = apply(console, file("a"));
  EXPECT_EQ(outcome.state, ApplyState::kLive) << outcome.message;
  EXPECT_EQ(outcome.reloads, 1);
}

TEST_F(LiveApply, UnreachableForAWhileIsWaitedFor) {
  FakeConsole console(kSilent, file("a"));
  console.write_file(file("b"));
  console.fail_with(make_error(ErrorKind::kUnavailable, "gone"));
  int left = 20;
  const CallLimits limits{Deadline(clock, Duration{1'000}), {}};
  console.on_command([&](const std::string&) {
    clock.advance(std::chrono::milliseconds{10});
    if (--left == 0) console.fail_with(std::nullopt);
  });
  const auto outcome = apply_config(console, expected(file("b")), clock, limits, {.retry = Duration{0}});
  EXPECT_EQ(outcome.state, ApplyState::kLive) << outcome.message;
}

TEST_F(LiveApply, FailuresOfTheConsoleAreTold) {
  struct Case {
    const char* command;  // "" for every command
    ErrorKind kind;
    ApplyState state;
    int commands_max;
  };
  const Case cases[] = {
      {"", ErrorKind::kUnavailable, ApplyState::kUnreachable, 100},
      {"", ErrorKind::kProtocol, ApplyState::kUnreachable, 100},
      {"", ErrorKind::kCancelled, ApplyState::kUnreachable, 1},
      {"", ErrorKind::kForbidden, ApplyState::kForbidden, 1},
      {"RELOAD", ErrorKind::kForbidden, ApplyState::kForbidden, 6},
      {"RELOAD", ErrorKind::kCancelled, ApplyState::kUnreachable, 6},
      {"RELOAD", ErrorKind::kUnavailable, ApplyState::kUnreachable, 200},
      {"RELOAD", ErrorKind::kInvalid, ApplyState::kRefused, 9},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(std::string(one.command) + " " + std::string(to_string(one.kind)));
    FakeConsole console(kHonest, file("a"));
    const Error error = make_error(one.kind, "the cause");
    if (*one.command == '\0') {
      console.fail_with(error);
    } else {
      console.fail_command(one.command, error);
    }
    const auto outcome = apply(console, file("b"));
    EXPECT_EQ(outcome.state, one.state);
    EXPECT_THAT(outcome.message, HasSubstr("the cause"));
    EXPECT_LE(console.commands().size(), static_cast<std::size_t>(one.commands_max));
  }
}

TEST_F(LiveApply, StopEndsIt) {
  FakeConsole console(kSilent, file("a"));
  std::stop_source stop;
  console.on_command([&stop](const std::string& command) {
    if (command == "RELOAD") stop.request_stop();
  });
  const CallLimits limits{Deadline(clock, Duration{1'000}), stop.get_token()};
  const auto outcome = apply_config(console, expected(file("b")), clock, limits, {.retry = Duration{60'000}});
  EXPECT_EQ(outcome.state, ApplyState::kInterrupted);
  EXPECT_EQ(reloads(console), 1);
}

/// Whatever the order of files: a result of "live" is the truth, and a good file always becomes live in the end.
TEST_F(LiveApply, LiveIsAlwaysTrue) {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    const auto below = [&random](unsigned bound) { return static_cast<std::size_t>(random() % bound); };
    FakeConsole console(below(2) == 0 ? kSilent : kHonest, file("0"));
    for (int generation = 1; generation <= 6; ++generation) {
      FakeFile next = file(std::to_string(generation), static_cast<int>(below(30)) + 1);
      if (below(3) == 0) next.bad_setting = below(4);
      if (below(4) == 0) next.bad_database = below(2);
      if (below(2) == 0) {
        console.write_file(next);
      } else {
        console.write_file_after(static_cast<int>(below(8)), next);
      }
      const auto outcome = apply(console, next);
      const CallLimits limits{Deadline(clock, Duration{1'000}), {}};
      const auto live = read_live(console, limits);
      ASSERT_TRUE(live);
      EXPECT_EQ(outcome.state == ApplyState::kLive, verify(expected(next), *live).is_live()) << outcome.message;
    }
    console.write_file(file("good"));
    const auto last = apply(console, file("good"));
    ASSERT_EQ(last.state, ApplyState::kLive) << last.message;
  }
}

TEST(ApplyStateText, HasAWordForEach) {
  for (const auto state : {ApplyState::kLive, ApplyState::kNotYetThere, ApplyState::kRefused, ApplyState::kHalfApplied,
                           ApplyState::kForbidden, ApplyState::kInterrupted}) {
    EXPECT_NE(to_string(state), to_string(ApplyState::kUnreachable));
  }
}

}  // namespace
}  // namespace poolwright::tests

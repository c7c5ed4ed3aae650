// The commands, the blocking wrapper, and the fake against the contract.
#include "pgbouncer/console.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "fakes/fake_console.h"
#include "fakes/manual_clock.h"
#include "unit/pgbouncer/console_contract.h"

namespace poolwright::tests {
namespace {

using pgbouncer::Command;

FakeFile contract_file() {
  return {.databases = {{.name = "app", .options = {{"pool_size", "4"}}},
                        {.name = "my-db", .options = {{"pool_size", "2"}}}},
          .settings = {{"syslog_ident", "gen-1"}},
          .users = {"admin"},
          .bad_database = std::nullopt,
          .bad_setting = std::nullopt};
}

TEST(FakeConsole, KeepsTheConsoleContract) {
  const SystemClock clock;
  for (const int version : {11800, 12401, 12601}) {
    FakeConsole console(version, contract_file());
    check_console_contract(console, clock);
  }
}

TEST(Commands, AreQuotedForTheConsole) {
  EXPECT_EQ(Command::pause("my-db")->text(), "PAUSE \"my-db\"");
  EXPECT_EQ(Command::resume("App_1")->text(), "RESUME \"App_1\"");
  EXPECT_EQ(Command::reconnect("_x")->text(), "RECONNECT \"_x\"");
  EXPECT_EQ(Command::reload().text(), "RELOAD");
  EXPECT_EQ(Command::shutdown_wait_for_servers().text(), "SHUTDOWN WAIT_FOR_SERVERS");
}

TEST(Commands, AreNotMadeFromOtherNames) {
  for (const std::string name :
       {"", "1st", "-x", "a b", "a\"b", "a;b", "a'b", "a\nb", "\xC3\xA4", "pgbouncer", "a.b"}) {
    for (const auto& command : {Command::pause(name), Command::resume(name), Command::reconnect(name)}) {
      ASSERT_FALSE(command.has_value()) << name;
      EXPECT_EQ(command.error().kind, ErrorKind::kInvalid);
    }
  }
  EXPECT_TRUE(Command::pause(std::string(63, 'a')).has_value());
  EXPECT_FALSE(Command::pause(std::string(64, 'a')).has_value());
}

/// Answers only when told to.
class SlowConsole final : public pgbouncer::Console {
 public:
  void run(const Command& /*command*/, const Deadline& /*deadline*/, Reply done) override { reply = std::move(done); }
  int version() const override { return 0; }
  Reply reply;
};

TEST(RunAndWait, EndsAtItsDeadlineAndIgnoresWhatComesLater) {
  const SystemClock clock;
  SlowConsole console;
  const CallLimits limits{Deadline(clock, Duration{20}), {}};
  EXPECT_EQ(kind_of(tell(console, Command::reload(), limits)), ErrorKind::kDeadlineExceeded);
  console.reply(postgres::Table{});
}

TEST(RunAndWait, EndsWhenAskedToStop) {
  const SystemClock clock;
  SlowConsole console;
  std::stop_source stop;
  const CallLimits limits{Deadline(clock, Duration{60'000}), stop.get_token()};
  std::thread stopper([&stop] { stop.request_stop(); });
  EXPECT_EQ(kind_of(tell(console, Command::reload(), limits)), ErrorKind::kCancelled);
  stopper.join();
}

TEST(RunAndWait, GarbageIsAProtocolError) {
  const SystemClock clock;
  class Odd final : public pgbouncer::Console {
   public:
    void run(const Command& /*command*/, const Deadline& /*deadline*/, Reply done) override {
      done(postgres::Table{{"what"}, {{"ever"}}});
    }
    int version() const override { return 0; }
  } console;
  const CallLimits limits{Deadline(clock, Duration{1'000}), {}};
  EXPECT_EQ(kind_of(show_pools(console, limits)), ErrorKind::kProtocol);
  EXPECT_EQ(kind_of(show_stats(console, limits)), ErrorKind::kProtocol);
  EXPECT_EQ(kind_of(show_databases(console, limits)), ErrorKind::kProtocol);
  EXPECT_EQ(kind_of(show_config(console, limits)), ErrorKind::kProtocol);
  EXPECT_EQ(kind_of(show_users(console, limits)), ErrorKind::kProtocol);
  EXPECT_EQ(kind_of(show_lists(console, limits)), ErrorKind::kProtocol);
  EXPECT_EQ(kind_of(show_version(console, limits)), ErrorKind::kProtocol);
}

}  // namespace
}  // namespace poolwright::tests

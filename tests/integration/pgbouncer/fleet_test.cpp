// The fleet against real PgBouncers.
#include "pgbouncer/fleet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "integration/pgbouncer/console_fixture.h"
#include "unit/pgbouncer/console_contract.h"

namespace poolwright::tests {
namespace {

using pgbouncer::Command;
using testing::HasSubstr;

class Fleet : public ConsoleFixture {
 protected:
  std::shared_ptr<const pgbouncer::PodObservation> seen(const std::string& pod = kPod) const {
    return fleet->observation(pod);
  }
};

TEST_P(Fleet, KeepsTheConsoleContract) { check_console_contract(*console, clock); }

TEST_P(Fleet, PollsPoolsStatsAndDatabases) {
  const auto observation = seen();
  EXPECT_TRUE(observation->is_connected);
  EXPECT_EQ(pgbouncer::version_text(observation->version).substr(0, 4), GetParam());
  EXPECT_FALSE(observation->error.has_value());
  std::vector<std::string> names;
  for (const auto& row : observation->databases) names.push_back(row.name);
  EXPECT_THAT(names, testing::IsSupersetOf({"app", "my-db", "pgbouncer"}));
  EXPECT_FALSE(observation->stats.empty());
  EXPECT_FALSE(observation->pools.empty());
  const auto before = observation->observed_at;
  EXPECT_TRUE(eventually([&] { return seen()->observed_at > before; })) << "and goes on polling";
}

TEST_P(Fleet, RemovedPodIsLetGo) {
  server->process().send_signal(SIGTERM);
  if (!is_at_least(12300)) {
    EXPECT_EQ(server->process().wait_for_end(), 1) << "up to 1.22 SIGTERM waits for nobody";
    return;
  }
  const auto before = seen()->observed_at;
  ASSERT_TRUE(eventually([&] { return seen()->observed_at > before; })) << "our console keeps it alive";
  EXPECT_TRUE(server->process().is_running());
  fleet->remove_pod(kPod);
  EXPECT_EQ(server->process().wait_for_end(), 0);
  EXPECT_EQ(seen(), nullptr);
  EXPECT_EQ(kind_of(show_version(*console, limits())), ErrorKind::kCancelled);
}

TEST_P(Fleet, ShutsDownWhenServersAreFree) {
  const Status status = tell(*console, Command::shutdown_wait_for_servers(), limits());
  if (!is_at_least(12300)) {
    EXPECT_FALSE(status.has_value()) << "1.18 does not know it";
    return;
  }
  EXPECT_TRUE(status.has_value()) << describe(status.error());
  EXPECT_EQ(server->process().wait_for_end(), 0);
}

TEST_P(Fleet, ReconnectsAfterARestart) {
  server->process().send_signal(SIGQUIT);
  ASSERT_TRUE(eventually([this] { return !seen()->is_connected && seen()->failures > 1; }));
  ASSERT_TRUE(seen()->error.has_value());
  EXPECT_EQ(seen()->error->kind, ErrorKind::kUnavailable) << describe(*seen()->error);
  EXPECT_FALSE(seen()->databases.empty()) << "the last rows stay";
  EXPECT_EQ(kind_of(show_version(*console, limits())), ErrorKind::kUnavailable);
}

TEST_P(Fleet, RefusedLoginIsToldAndTheOtherOneTried) {
  auto target_with = [this](const std::vector<std::string>& passwords) {
    auto wanted = target();
    wanted.logins.clear();
    for (const auto& password : passwords)
      wanted.logins.push_back({.user = "admin", .password = SecretString(password)});
    return wanted;
  };
  fleet->set_pod("wrong", target_with({"no", "neither"}));
  fleet->set_pod("rotating", target_with({"new-password", "admin-password"}));
  ASSERT_TRUE(eventually([this] { return seen("rotating")->is_connected; })) << "the old password still opens";
  ASSERT_TRUE(eventually([this] { return seen("wrong")->error.has_value(); }));
  EXPECT_EQ(seen("wrong")->error->kind, ErrorKind::kUnauthorized) << describe(*seen("wrong")->error);
  EXPECT_THAT(seen("wrong")->error->message, testing::Not(HasSubstr("neither")));
  fleet->set_pod("wrong", target());
  EXPECT_TRUE(eventually([this] { return seen("wrong")->is_connected; })) << "new logins are tried at once";
}

TEST_P(Fleet, NewPasswordDoesNotDisturbOpenConsoles) {
  server->write_config({.admin_password = "second-password"});
  ASSERT_TRUE(tell(*console, Command::reload(), limits()).has_value());
  auto both = target();
  both.logins.insert(both.logins.begin(), {.user = "admin", .password = SecretString("second-password")});
  fleet->set_pod(kPod, both);
  EXPECT_TRUE(show_version(*console, limits()).has_value());
  EXPECT_EQ(seen()->connects, 1);
  fleet->set_pod("later", both);
  EXPECT_TRUE(eventually([this] { return seen("later")->is_connected; }));
}

TEST_P(Fleet, CommandsOfManyThreadsKeepTheirAnswers) {
  std::vector<std::thread> workers;
  workers.reserve(8);
  std::atomic<int> good{0};
  for (int i = 0; i < 8; ++i) {
    workers.emplace_back([this, i, &good] {
      for (int round = 0; round < 20; ++round) {
        const bool is_version = (i + round) % 2 == 0;
        const bool is_right =
            is_version ? show_version(*console, limits()).has_value() : show_config(*console, limits()).has_value();
        if (is_right) ++good;
      }
    });
  }
  for (auto& worker : workers) worker.join();
  EXPECT_EQ(good, 160);
}

INSTANTIATE_TEST_SUITE_P(Versions, Fleet, testing::ValuesIn(pgbouncer_versions()), version_name);

}  // namespace
}  // namespace poolwright::tests

// The fleet against consoles that misbehave: each affects its own pod only.
#include "pgbouncer/fleet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "unit/postgres/misbehaving_server.h"

namespace poolwright::tests {
namespace {

using pgbouncer::Command;
using pgbouncer::PodObservation;
using testing::HasSubstr;

constexpr std::uint64_t kGigabyte = 1ULL << 30U;

class Fleet : public testing::Test {
 protected:
  Fleet() {
    pgbouncer::FleetOptions options;
    options.poll_interval = Duration{30};
    options.query_limit = Duration{2000};  // a busy machine with sanitizers needs a while for a megabyte
    options.connects.spacing = Duration{1};
    options.connects.rest = Backoff{Duration{20}, Duration{100}};
    options.connection = {.connect = Duration{300}, .reply_bytes_max = 1U << 20U, .rows_max = 1'000};
    options.on_change = [this](const std::string&) { ++changes; };
    fleet = std::make_unique<pgbouncer::ConsoleFleet>(io_thread, clock, random_source, options);
  }

  void add(const std::string& pod, const MisbehavingServer& server) {
    fleet->set_pod(pod, {.address = "127.0.0.1",
                         .port = server.port(),
                         .logins = {{.user = "admin", .password = SecretString("x")}},
                         .tls = {.mode = "disable"}});
  }

  std::shared_ptr<const PodObservation> seen(const std::string& pod) const { return fleet->observation(pod); }

  template <typename Condition>
  static bool eventually(Condition condition) {
    for (int i = 0; i < 3'000; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds{10});
    }
    return false;
  }

  /// The pod of `script` reports `kind`, and keeps failing and being tried, while a healthy one is polled on.
  void check_isolated(const MisbehavingServer::Script& script, ErrorKind kind, const std::string& text) {
    const MisbehavingServer healthy(be_a_console);
    const MisbehavingServer sick(script);
    add("healthy", healthy);
    add("sick", sick);
    ASSERT_TRUE(eventually([this] { return seen("healthy")->observed_at && seen("sick")->failures >= 2; }))
        << (seen("sick")->error ? describe(*seen("sick")->error) : "no error");
    EXPECT_EQ(seen("sick")->error->kind, kind) << describe(*seen("sick")->error);
    EXPECT_THAT(seen("sick")->error->message, HasSubstr(text));
    EXPECT_FALSE(seen("sick")->observed_at.has_value());
    const auto before = seen("healthy")->observed_at;
    EXPECT_TRUE(eventually([&] { return seen("healthy")->observed_at > before; }));
    EXPECT_FALSE(seen("healthy")->error.has_value());
    EXPECT_EQ(healthy.connections(), 1) << "and was never disturbed";
    fleet->remove_pod("sick");
    fleet->remove_pod("healthy");
  }

  SystemClock clock;
  SystemRandom random_source;
  postgres::IoThread io_thread;
  std::atomic<int> changes{0};
  std::unique_ptr<pgbouncer::ConsoleFleet> fleet;
};

TEST_F(Fleet, HealthyConsoleIsPolled) {
  const MisbehavingServer server(be_a_console);
  add("pod", server);
  ASSERT_TRUE(eventually([this] { return seen("pod")->observed_at.has_value(); }));
  const auto observation = seen("pod");
  EXPECT_TRUE(observation->is_connected);
  EXPECT_EQ(observation->version, 12401);
  ASSERT_EQ(observation->pools.size(), 1U);
  EXPECT_EQ(observation->pools[0].cl_waiting, 1);
  ASSERT_EQ(observation->stats.size(), 1U);
  EXPECT_EQ(observation->stats[0].total_wait_time_us, 7);
  ASSERT_EQ(observation->databases.size(), 1U);
  EXPECT_EQ(observation->databases[0].pool_size, 4);
  EXPECT_EQ(observation->seldom->marker, "poolwright-1");
  EXPECT_EQ(observation->seldom->max_client_conn, 110);
  EXPECT_EQ(observation->seldom->lists.at("databases"), 1);
  EXPECT_EQ(changes, 1);
}

TEST_F(Fleet, SilentBeforeTheLogin) {
  check_isolated([](Peer& peer) { peer.hang(); }, ErrorKind::kDeadlineExceeded, "connect to 127.0.0.1:");
}

TEST_F(Fleet, SilentAfterTheLogin) {
  check_isolated(
      [](Peer& peer) {
        peer.accept_login();
        peer.hang();
      },
      ErrorKind::kDeadlineExceeded, "no answer within 2000 ms");
}

TEST_F(Fleet, DripsItsAnswer) {
  check_isolated(
      [](Peer& peer) {
        peer.accept_login();
        peer.next_query();
        peer.drip(console_answer("SHOW POOLS"));
      },
      ErrorKind::kDeadlineExceeded, "no answer within");
}

TEST_F(Fleet, DripsItsLogin) {
  check_isolated([](Peer& peer) { peer.drip(message('R', big_endian(0)) + message('N', std::string(1'000, 'x'))); },
                 ErrorKind::kDeadlineExceeded, "connect to");
}

TEST_F(Fleet, GarbageInsteadOfALogin) {
  check_isolated([](Peer& peer) { peer.send("HTTP/1.1 400 Bad Request\r\n\r\n"); }, ErrorKind::kProtocol, "connect to");
}

TEST_F(Fleet, GarbageInsteadOfAnAnswer) {
  check_isolated(
      [](Peer& peer) {
        peer.accept_login();
        peer.next_query();
        peer.send(std::string(10'000, '\xEE'));
        peer.hang();
      },
      ErrorKind::kProtocol, "query 127.0.0.1:");
}

TEST_F(Fleet, OtherColumnsThanAsked) {
  check_isolated(
      [](Peer& peer) {
        peer.accept_login();
        while (peer.next_query()) peer.send(answer({"what"}, {{"ever"}}));
      },
      ErrorKind::kProtocol, "column database is missing");
}

TEST_F(Fleet, ClosesInTheMiddleOfARow) {
  check_isolated(
      [](Peer& peer) {
        peer.accept_login();
        peer.next_query();
        const std::string whole = console_answer("SHOW POOLS");
        peer.send(whole.substr(0, whole.size() / 2));
      },
      ErrorKind::kUnavailable, "closed the connection");
}

TEST_F(Fleet, StartsACopy) {
  check_isolated(
      [](Peer& peer) {
        peer.accept_login();
        peer.next_query();
        peer.send(message('H', std::string(3, '\0')));
        peer.hang();
      },
      ErrorKind::kProtocol, "another kind");
}

TEST_F(Fleet, AnswersWithoutEnd) {
  check_isolated(
      [](Peer& peer) {
        peer.accept_login();
        peer.next_query();
        while (peer.send(command_complete("SHOW"))) {
        }
      },
      ErrorKind::kProtocol, "more answers than one");
}

TEST_F(Fleet, TooManyRows) {
  check_isolated(
      [](Peer& peer) {
        peer.accept_login();
        peer.next_query();
        peer.send(answer({"database"}, std::vector<std::vector<std::string>>(1'001, {"x"})));
        peer.hang();
      },
      ErrorKind::kProtocol, "more than 1000 rows");
}

TEST_F(Fleet, NoticesWithoutEnd) {
  check_isolated(
      [](Peer& peer) {
        peer.accept_login();
        const std::string notice = message('N', "M" + std::string(1'000, 'x') + std::string(2, '\0'));
        while (peer.send(notice)) {
        }
      },
      ErrorKind::kProtocol, "larger than");
}

/// The row claims a gigabyte; the client must go away long before it has taken it in.
TEST_F(Fleet, GiantRowIsCutShort) {
  std::atomic<std::uint64_t> most{0};
  check_isolated(
      [&most](Peer& peer) {
        peer.accept_login();
        peer.next_query();
        peer.send(row_description({"database"}) + "D" + big_endian(kGigabyte + 10) + std::string("\0\1", 2) +
                  big_endian(kGigabyte));
        const std::uint64_t sent = peer.flood(kGigabyte);
        if (sent > most) most = sent;
      },
      ErrorKind::kProtocol, "larger than 1048576 bytes");
  EXPECT_GT(most, 0U);
  EXPECT_LT(most, 16U << 20U) << "what the server's kernel buffers, and a little";
}

TEST_F(Fleet, LoginWithoutEndIsCutShort) {
  check_isolated(
      [](Peer& peer) {
        peer.accept_login_without_ready();
        const std::string notice = message('N', "M" + std::string(1'000, 'x') + std::string(2, '\0'));
        while (peer.send(notice)) {
        }
      },
      ErrorKind::kProtocol, "more bytes than a login has");
}

/// Pieces of every size, so that it ends at every place of a message.
TEST_F(Fleet, AnswersInPiecesAreRead) {
  const MisbehavingServer server([](Peer& peer) {
    peer.accept_login();
    std::size_t piece = 1;
    while (const auto query = peer.next_query()) {
      const std::string whole = console_answer(*query);
      piece = piece % 150 + 37;
      for (std::size_t at = 0; at < whole.size(); at += piece) {
        peer.send(whole.substr(at, piece));
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
      }
    }
  });
  add("pod", server);
  for (int polls = 0; polls < 20; ++polls) {
    const auto before = seen("pod")->observed_at;
    ASSERT_TRUE(eventually([&] { return seen("pod")->observed_at != before; }));
    ASSERT_FALSE(seen("pod")->error.has_value()) << describe(*seen("pod")->error);
    ASSERT_EQ(seen("pod")->pools.size(), 1U);
    EXPECT_EQ(seen("pod")->pools[0].maxwait_us, 1'500);
  }
  EXPECT_EQ(server.connections(), 1);
}

/// Larger than any buffer, smaller than the limit.
TEST_F(Fleet, LongAnswersAreRead) {
  const MisbehavingServer server([](Peer& peer) {
    peer.accept_login();
    while (const auto query = peer.next_query()) {
      const bool is_users = *query == "SHOW USERS";
      peer.send(is_users ? answer({"name"}, std::vector<std::vector<std::string>>(900, {std::string(1'000, 'u')}))
                         : console_answer(*query));
    }
  });
  add("pod", server);
  ASSERT_TRUE(eventually([this] { return seen("pod")->is_connected; }));
  const auto console = fleet->console("pod");
  for (int i = 0; i < 5; ++i) {
    const auto users = show_users(*console, {Deadline(clock, Duration{30'000}), {}});
    ASSERT_TRUE(users) << describe(users.error());
    ASSERT_EQ(users->size(), 900U);
    EXPECT_EQ(users->back(), std::string(1'000, 'u'));
  }
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(Fleet, AnswerOfTheServerIsToldAndTheConsoleStaysOpen) {
  const MisbehavingServer server([](Peer& peer) {
    peer.accept_login();
    while (peer.next_query()) peer.send(error_response("42501", "admin access needed\x01") + ready_for_query());
  });
  add("pod", server);
  ASSERT_TRUE(eventually([this] { return seen("pod")->failures >= 3; }));
  EXPECT_EQ(seen("pod")->error->kind, ErrorKind::kForbidden);
  EXPECT_THAT(seen("pod")->error->message, HasSubstr("admin access needed?"));
  EXPECT_TRUE(seen("pod")->is_connected);
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(Fleet, RowsOfTheLastSuccessStay) {
  std::atomic<bool> is_sick{false};
  const MisbehavingServer server([&is_sick](Peer& peer) {
    peer.accept_login();
    while (const auto query = peer.next_query()) {
      if (is_sick) return;
      peer.send(console_answer(*query));
    }
  });
  add("pod", server);
  ASSERT_TRUE(eventually([this] { return seen("pod")->observed_at.has_value(); }));
  is_sick = true;
  ASSERT_TRUE(eventually([this] { return seen("pod")->failures > 0; }));
  EXPECT_EQ(seen("pod")->pools.size(), 1U);
  EXPECT_TRUE(seen("pod")->observed_at.has_value());
  is_sick = false;
  ASSERT_TRUE(eventually([this] { return seen("pod")->failures == 0 && seen("pod")->is_connected; }));
  EXPECT_FALSE(seen("pod")->error.has_value());
  EXPECT_GE(seen("pod")->connects, 2);
}

TEST_F(Fleet, ConnectsAreLimited) {
  const MisbehavingServer slow([](Peer& peer) { peer.hang(); });
  for (int i = 0; i < 60; ++i) add("pod-" + std::to_string(i), slow);
  ASSERT_TRUE(eventually([&] { return slow.connections() >= 30; }));
  EXPECT_LE(slow.concurrent_max(), 16 + 4) << "a closed connection is noticed by the server a moment later";
}

TEST_F(Fleet, WaitingCommandsAreBoundedAndAnswered) {
  std::atomic<bool> is_released{false};
  const MisbehavingServer server([&is_released](Peer& peer) {
    peer.accept_login();
    while (const auto query = peer.next_query()) {
      while (*query == "RELOAD" && !is_released) std::this_thread::sleep_for(std::chrono::milliseconds{1});
      peer.send(*query == "RELOAD" ? command_complete("RELOAD") + ready_for_query() : console_answer(*query));
    }
  });
  add("pod", server);
  ASSERT_TRUE(eventually([this] { return seen("pod")->observed_at.has_value(); }));
  const auto console = fleet->console("pod");
  std::atomic<int> good{0};
  std::atomic<int> throttled{0};
  const Deadline deadline(clock, Duration{30'000});
  for (int i = 0; i < 40; ++i) {
    console->run(Command::reload(), deadline, [&](const Result<postgres::Table>& result) {
      if (result) ++good;
      if (!result && result.error().kind == ErrorKind::kThrottled) ++throttled;
    });
  }
  EXPECT_TRUE(eventually([&] { return throttled > 0; }));
  is_released = true;
  EXPECT_TRUE(eventually([&] { return good + throttled == 40; }));
  EXPECT_GE(good, static_cast<int>(pgbouncer::kWaitingCommandsMax));
}

TEST_F(Fleet, RemovalAnswersWhatWaits) {
  const MisbehavingServer server([](Peer& peer) {
    peer.accept_login();
    peer.hang();
  });
  add("pod", server);
  ASSERT_TRUE(eventually([this] { return seen("pod")->is_connected; }));
  const auto console = fleet->console("pod");
  std::atomic<int> cancelled{0};
  for (int i = 0; i < 3; ++i) {
    console->run(Command::reload(), Deadline(clock, Duration{30'000}), [&](const Result<postgres::Table>& result) {
      if (!result && result.error().kind == ErrorKind::kCancelled) ++cancelled;
    });
  }
  fleet->remove_pod("pod");
  EXPECT_EQ(cancelled, 3) << "all of them, before remove_pod returns";
  EXPECT_EQ(seen("pod"), nullptr);
}

TEST_F(Fleet, ConsolesOutliveTheFleet) {
  const auto console = fleet->console("nobody");
  const CallLimits limits{Deadline(clock, Duration{30'000}), {}};
  EXPECT_EQ(show_version(*console, limits).error().kind, ErrorKind::kCancelled);
  fleet.reset();
  EXPECT_EQ(show_version(*console, limits).error().kind, ErrorKind::kCancelled);
  EXPECT_EQ(console->version(), 0);
}

TEST_F(Fleet, SetOfPodsChangesUnderLoad) {
  const MisbehavingServer server(be_a_console);
  std::vector<std::thread> workers;
  workers.reserve(4);
  for (int worker = 0; worker < 4; ++worker) {
    workers.emplace_back([this, worker, &server] {
      const CallLimits limits{Deadline(clock, Duration{30'000}), {}};
      for (int round = 0; round < 15; ++round) {
        const std::string pod = "pod-" + std::to_string((worker + round) % 6);
        add(pod, server);
        static_cast<void>(show_pools(*fleet->console(pod), limits));
        static_cast<void>(fleet->observations());
        if (round % 3 == 0) fleet->remove_pod(pod);
      }
    });
  }
  for (auto& worker : workers) worker.join();
  for (const auto& [pod, observation] : fleet->observations()) {
    EXPECT_TRUE(eventually([&, name = pod] { return seen(name)->is_connected; })) << pod;
  }
}

TEST_F(Fleet, NamesAreNoAddresses) {
  fleet->set_pod(
      "pod", {.address = "localhost", .port = 1, .logins = {{.user = "a", .password = SecretString("b")}}, .tls = {}});
  ASSERT_TRUE(eventually([this] { return seen("pod")->error.has_value(); }));
  EXPECT_EQ(seen("pod")->error->kind, ErrorKind::kInvalid);
  EXPECT_THAT(seen("pod")->error->message, HasSubstr("must be a numeric address"));
}

}  // namespace
}  // namespace poolwright::tests

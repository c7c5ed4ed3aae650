// The connection and what it is made of: parameters, errors, threads, timers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/deadline.h"
#include "postgres/connect_queue.h"
#include "postgres/pending.h"
#include "postgres/pq_connection.h"
#include "postgres/pq_error.h"
#include "postgres/pq_parameters.h"
#include "postgres/probe.h"
#include "postgres/resolver.h"
#include "postgres/timer.h"
#include "unit/postgres/misbehaving_server.h"

namespace poolwright::postgres {
namespace {

using testing::HasSubstr;
using tests::MisbehavingServer;
using tests::Peer;

CallLimits soon(const Clock& clock) { return {Deadline(clock, Duration{20'000}), {}}; }

TEST(Parameters, AreValuesNeverText) {
  Target target{.addresses = {"127.0.0.1", "::1"}, .host_name = "db.shop.svc", .port = 6432};
  target.database = "x host=evil";
  target.login = {.user = "u' password='", .password = SecretString("p w")};
  const auto parameters = pq_parameters(target);
  ASSERT_TRUE(parameters);
  std::map<std::string, std::string> values;
  for (std::size_t i = 0; i < parameters->keywords.size(); ++i) {
    EXPECT_TRUE(values.emplace(parameters->keywords[i], parameters->values[i]).second) << "each keyword once";
  }
  EXPECT_EQ(values["hostaddr"], "127.0.0.1,::1");
  EXPECT_EQ(values["host"], "db.shop.svc,db.shop.svc");
  EXPECT_EQ(values["dbname"], "x host=evil");
  EXPECT_EQ(values["user"], "u' password='");
  EXPECT_EQ(values["password"], "p w");
  EXPECT_EQ(values["gssencmode"], "disable");
  EXPECT_EQ(values["keepalives_idle"], "15");
  EXPECT_EQ(values["keepalives_interval"], "5");
  EXPECT_EQ(values["keepalives_count"], "3");
  EXPECT_EQ(values["tcp_user_timeout"], "10000");
}

TEST(Parameters, TakeNumericAddressesOnly) {
  for (const std::string address : {"", "localhost", "127.0.0.1,10.0.0.1", "127.1 host=x", "/tmp", "::1%lo0;"}) {
    Target target;
    target.addresses = {address};
    const auto parameters = pq_parameters(target);
    ASSERT_FALSE(parameters.has_value()) << address;
    EXPECT_EQ(parameters.error().kind, ErrorKind::kInvalid);
  }
  EXPECT_FALSE(pq_parameters(Target{}).has_value());
  Target list{.addresses = {"127.0.0.1"}, .host_name = "a,b"};
  EXPECT_FALSE(pq_parameters(list).has_value());
}

TEST(Errors, OfAConnectByText) {
  struct Case {
    const char* text;
    ErrorKind kind;
  };
  const Case cases[] = {
      {"FATAL:  password authentication failed", ErrorKind::kUnauthorized},
      {"FATAL:  SASL authentication failed", ErrorKind::kUnauthorized},
      {"FATAL:  not allowed", ErrorKind::kUnauthorized},
      {"FATAL:  no pg_hba.conf entry for host", ErrorKind::kUnauthorized},
      {"FATAL:  no such user: x", ErrorKind::kUnauthorized},
      {"FATAL:  login rejected", ErrorKind::kUnauthorized},
      {"expected authentication request from server, but received H", ErrorKind::kProtocol},
      {"Connection refused", ErrorKind::kUnavailable},
      {"FATAL:  no more connections allowed (max_client_conn)", ErrorKind::kUnavailable},
      {"FATAL:  database \"x\" does not exist", ErrorKind::kUnavailable},
      {"", ErrorKind::kUnavailable},
  };
  for (const Case& one : cases) EXPECT_EQ(connect_error_kind(one.text), one.kind) << one.text;
}

TEST(Errors, OfAQueryBySqlstate) {
  struct Case {
    const char* sqlstate;
    const char* text;
    ErrorKind kind;
  };
  const Case cases[] = {
      {"42501", "permission denied", ErrorKind::kForbidden},
      {"08P01", "admin access needed", ErrorKind::kForbidden},
      {"08P01", "invalid command", ErrorKind::kInvalid},
      {"F0000", "RELOAD failed, see logs for additional details", ErrorKind::kInvalid},
      {"42P01", "no such table", ErrorKind::kInvalid},
      {"57014", "canceling statement due to statement timeout", ErrorKind::kDeadlineExceeded},
      {"57P01", "terminating connection", ErrorKind::kUnavailable},
      {"53300", "too many connections", ErrorKind::kUnavailable},
      {"28P01", "password", ErrorKind::kUnauthorized},
      {"", "lost synchronization with server", ErrorKind::kProtocol},
      {"", "server closed the connection unexpectedly", ErrorKind::kUnavailable},
  };
  for (const Case& one : cases) EXPECT_EQ(query_error_kind(one.sqlstate, one.text), one.kind) << one.text;
}

class Connection : public testing::Test {
 protected:
  void TearDown() override {
    io_thread.run_and_wait([this] { connection.reset(); });
  }

  Target target(std::uint16_t port) const {
    return {.addresses = {"127.0.0.1"},
            .host_name = "",
            .port = port,
            .database = "pgbouncer",
            .login = {.user = "admin", .password = {}},
            .tls = {.mode = "disable"}};
  }

  Status connect(std::uint16_t port) {
    const auto pending = std::make_shared<Pending<Unit>>();
    io_thread.run_and_wait([&] {
      connection = std::make_unique<PqConnection>(io_thread, ConnectionLimits{.connect = Duration{2'000}});
      connection->on_lost([this](const Error& /*error*/) { ++lost; });
      connection->connect(target(port), [pending](Status status) { pending->set(std::move(status)); });
    });
    return pending->wait(soon(clock), "connect");
  }

  Result<Table> query(const std::string& text) {
    const auto pending = std::make_shared<Pending<Table>>();
    io_thread.run_and_wait([&] {
      connection->query(text, Duration{2'000}, [pending](Result<Table> answer) { pending->set(std::move(answer)); });
    });
    return pending->wait(soon(clock), "query");
  }

  SystemClock clock;
  IoThread io_thread;
  std::atomic<int> lost{0};
  std::unique_ptr<PqConnection> connection;
};

TEST_F(Connection, AsksAndAnswers) {
  const MisbehavingServer server(tests::be_a_console);
  const Status connected = connect(server.port());
  ASSERT_TRUE(connected.has_value()) << describe(connected.error());
  io_thread.run_and_wait([this] { EXPECT_EQ(connection->server_version(), 12401); });
  for (int i = 0; i < 50; ++i) {
    const auto table = query("SHOW POOLS");
    ASSERT_TRUE(table) << describe(table.error());
    EXPECT_EQ(table->rows.size(), 1U);
  }
  const auto refused = query("SHOW NOTHING");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, ErrorKind::kInvalid);
  EXPECT_TRUE(query("SHOW POOLS").has_value()) << "an error leaves it open";
}

TEST_F(Connection, LostWhileIdleIsTold) {
  std::atomic<bool> is_closing{false};
  const MisbehavingServer server([&is_closing](Peer& peer) {
    peer.accept_login();
    while (!is_closing) std::this_thread::sleep_for(std::chrono::milliseconds{1});
  });
  ASSERT_TRUE(connect(server.port()).has_value());
  is_closing = true;
  for (int i = 0; i < 3'000 && lost == 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds{5});
  EXPECT_EQ(lost, 1);
  io_thread.run_and_wait([this] { EXPECT_FALSE(connection->is_open()); });
}

TEST_F(Connection, ClosedConnectionCallsNobody) {
  const MisbehavingServer server([](Peer& peer) {
    peer.accept_login();
    peer.hang();
  });
  ASSERT_TRUE(connect(server.port()).has_value());
  std::atomic<int> calls{0};
  io_thread.run_and_wait([&] {
    connection->query("RELOAD", Duration{1}, [&calls](const Result<Table>& /*answer*/) { ++calls; });
    EXPECT_TRUE(connection->is_busy());
    connection->close();
    EXPECT_FALSE(connection->is_busy());
  });
  std::this_thread::sleep_for(std::chrono::milliseconds{30});
  io_thread.run_and_wait([] {});
  EXPECT_EQ(calls + lost, 0);
}

TEST_F(Connection, MayBeDestroyedInItsOwnCallback) {
  const MisbehavingServer server(tests::be_a_console);
  ASSERT_TRUE(connect(server.port()).has_value());
  const auto done = std::make_shared<Pending<Unit>>();
  io_thread.run_and_wait([&] {
    connection->query("SHOW POOLS", Duration{2'000}, [this, done](const Result<Table>& /*answer*/) {
      connection.reset();
      done->set(ok());
    });
  });
  EXPECT_TRUE(done->wait(soon(clock), "query").has_value());
}

TEST_F(Connection, RefusedPortIsUnavailable) {
  std::uint16_t port = 0;
  {
    port = MisbehavingServer([](Peer& /*peer*/) {}).port();
  }
  const Status status = connect(port);
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().kind, ErrorKind::kUnavailable);
  EXPECT_THAT(status.error().message, HasSubstr("Connection refused"));
}

TEST(IoThreadTest, RunsInOrderAndStopsCleanly) {
  std::vector<int> order;
  IoThread thread;
  for (int i = 0; i < 100; ++i) thread.post([&order, i] { order.push_back(i); });
  thread.run_and_wait([&] { EXPECT_EQ(order.size(), 100U); });
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  thread.run_and_wait([&thread, &order] {
    EXPECT_TRUE(thread.is_current());
    thread.run_and_wait([&order] { order.clear(); });
    EXPECT_TRUE(order.empty()) << "at once on the thread itself";
  });
  thread.stop();
  thread.stop();
  bool is_run = false;
  thread.run_and_wait([&is_run] { is_run = true; });
  EXPECT_TRUE(is_run) << "after stop it runs here";
}

TEST(IoThreadTest, OutlivesAHandlerThatThrows) {
  IoThread thread;
  thread.post([] { throw std::runtime_error("a bug"); });
  bool is_run = false;
  thread.run_and_wait([&is_run] { is_run = true; });
  EXPECT_TRUE(is_run);
}

TEST(TimerTest, FiresOnceAndNotAfterCancel) {
  const SystemClock clock;
  IoThread thread;
  std::atomic<int> fired{0};
  const auto last = std::make_shared<Pending<Unit>>();
  std::unique_ptr<Timer> timer;
  std::unique_ptr<Timer> cancelled;
  std::unique_ptr<Timer> after;
  thread.run_and_wait([&] {
    timer = std::make_unique<Timer>(thread);
    cancelled = std::make_unique<Timer>(thread);
    after = std::make_unique<Timer>(thread);
    timer->start(Duration{60'000}, [&fired] { fired += 100; });
    timer->start(Duration{1}, [&fired] { ++fired; });
    cancelled->start(Duration{1}, [&fired] { fired += 100; });
    cancelled->cancel();
    after->start(Duration{20}, [last] { last->set(ok()); });
  });
  EXPECT_TRUE(last->wait(soon(clock), "timer").has_value());
  thread.run_and_wait([&] {
    timer.reset();
    cancelled.reset();
    after.reset();
  });
  EXPECT_EQ(fired, 1);
}

TEST(ResolverTest, NumericAndLocalNamesAndNonsense) {
  const SystemClock clock;
  IoThread thread;
  std::unique_ptr<Resolver> resolver;
  const auto resolve = [&](const std::string& host) {
    const auto pending = std::make_shared<Pending<std::vector<std::string>>>();
    thread.run_and_wait([&] {
      if (!resolver) resolver = std::make_unique<Resolver>(thread);
      resolver->resolve(host, Duration{10'000}, [pending](auto addresses) { pending->set(std::move(addresses)); });
    });
    return pending->wait(soon(clock), "resolve");
  };
  EXPECT_THAT(resolve("10.1.2.3").value_or({}), testing::ElementsAre("10.1.2.3"));
  EXPECT_THAT(resolve("fd00::1").value_or({}), testing::ElementsAre("fd00::1"));
  EXPECT_FALSE(resolve("localhost").value_or({}).empty());
  const auto nothing = resolve("no such\nname");
  ASSERT_FALSE(nothing.has_value());
  EXPECT_EQ(nothing.error().kind, ErrorKind::kUnavailable);
  EXPECT_THAT(nothing.error().message, HasSubstr("resolve 'no such name'"));
  thread.run_and_wait([&resolver] { resolver.reset(); });
}

TEST(ConnectQueueTest, GivesTurnsInOrderAndDropsWithdrawnOnes) {
  const SystemClock clock;
  IoThread thread;
  std::unique_ptr<ConnectQueue> queue;
  std::string order;
  const auto done = std::make_shared<Pending<Unit>>();
  thread.run_and_wait([&] {
    queue = std::make_unique<ConnectQueue>(thread, clock, ConnectLimits{.concurrent_max = 1, .spacing = Duration{1}});
    for (const char* name : {"a", "b", "c"}) {
      queue->request(name, [&, name] {
        order += name;
        queue->finished();
        if (*name == 'c') done->set(ok());
      });
    }
    queue->withdraw("b");
    EXPECT_EQ(order, "") << "never from within the call";
  });
  EXPECT_TRUE(done->wait(soon(clock), "turns").has_value());
  thread.run_and_wait([&queue] { queue.reset(); });
  EXPECT_EQ(order, "ac");
}

TEST(Probe, HangingServerEndsAtTheDeadline) {
  const SystemClock clock;
  IoThread thread;
  const MisbehavingServer server([](Peer& peer) { peer.hang(); });
  const ServerAddress address{
      .host = "127.0.0.1", .port = server.port(), .database = "x", .login = {}, .tls = {.mode = "disable"}};
  const CallLimits limits{Deadline(clock, Duration{100}), {}};
  const auto result = probe(thread, clock, address, limits);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().kind, ErrorKind::kDeadlineExceeded);
}

}  // namespace
}  // namespace poolwright::postgres

// The observer and the probe against a real PostgreSQL.
#include "postgres/observer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/pgbouncer/console_fixture.h"
#include "postgres/pending.h"
#include "postgres/probe.h"
#include "unit/pgbouncer/console_contract.h"

namespace poolwright::tests {
namespace {

using postgres::ServerAddress;
using postgres::ServerObservation;

class Observer : public testing::Test {
 protected:
  void SetUp() override {
    database = PostgresServer::shared();
    if (!database) GTEST_SKIP() << "PostgreSQL 15 is not on this machine";
    ASSERT_TRUE(database->is_ready());
    postgres::ObserverOptions options;
    options.interval = Duration{100};
    options.connects.rest = Backoff{Duration{50}, Duration{200}};
    observer = std::make_unique<postgres::ServerObserver>(io_thread, clock, random_source, options);
  }

  ServerAddress address(const std::string& role, const std::string& host = "127.0.0.1") const {
    return {.host = host,
            .port = database->port(),
            .database = "app",
            .login = {.user = role, .password = SecretString(role + "-password")},
            .tls = {}};
  }

  std::shared_ptr<const ServerObservation> observe(const ServerAddress& server) {
    observer->set_server("s", server);
    eventually([this] { return observer->observation("s")->observed_at || observer->observation("s")->error; });
    return observer->observation("s");
  }

  CallLimits limits() const { return {Deadline(clock, Duration{20'000}), {}}; }

  SystemClock clock;
  SystemRandom random_source;
  std::shared_ptr<PostgresServer> database;
  postgres::IoThread io_thread;
  std::unique_ptr<postgres::ServerObserver> observer;
};

TEST_F(Observer, MonitorSeesWhatTheServerAllows) {
  const auto seen = observe(address("observer"));
  ASSERT_TRUE(seen->observed_at) << describe(*seen->error);
  EXPECT_FALSE(seen->error.has_value());
  EXPECT_EQ(seen->facts.max_connections, 60);
  EXPECT_EQ(seen->facts.superuser_reserved_connections, 3);
  EXPECT_EQ(seen->facts.reserved_connections, 0) << "15 has none";
  EXPECT_EQ(seen->facts.usable_connections(), 57);
  EXPECT_EQ(seen->facts.version / 10000, 15);
  EXPECT_FALSE(seen->facts.is_in_recovery);
  EXPECT_TRUE(seen->facts.sees_all_sessions);
  EXPECT_EQ(seen->facts.system_identifier.size(), 19U) << seen->facts.system_identifier;
  EXPECT_GT(seen->response_time.count(), 0);
}

TEST_F(Observer, NameIsResolved) {
  const auto seen = observe(address("observer", "localhost"));
  EXPECT_TRUE(seen->observed_at) << describe(*seen->error);
}

/// A session that is idle in a transaction, begun anew at will.
class Leaky {
 public:
  Leaky(postgres::IoThread& io, ServerAddress address) : io_(io) {
    postgres::Target target{.addresses = {"127.0.0.1"}, .port = address.port, .database = address.database};
    target.login = address.login;
    target.application_name = "leaky";
    io_.run_and_wait([&] {
      connection_ = std::make_unique<postgres::PqConnection>(io_);
      connection_->connect(target, [this](const Status& status) {
        if (!status) return done_->set(status.error());
        run("BEGIN");
      });
    });
  }
  ~Leaky() {
    io_.run_and_wait([this] { connection_.reset(); });
  }
  Leaky(const Leaky&) = delete;
  Leaky& operator=(const Leaky&) = delete;

  Status wait(const CallLimits& limits) { return done_->wait(limits, "leaky session"); }
  void begin_anew(const CallLimits& limits) {
    io_.run_and_wait([this] { run("COMMIT; BEGIN"); });
    ASSERT_TRUE(wait(limits).has_value());
  }
  bool is_open() {
    bool open = false;
    io_.run_and_wait([&] { open = connection_->is_open(); });
    return open;
  }

 private:
  void run(const char* statement) {
    connection_->query(statement, Duration{5'000}, [this](const Result<postgres::Table>& answer) {
      done_->set(answer ? ok() : Status(answer.error()));
    });
  }

  postgres::IoThread& io_;
  std::unique_ptr<postgres::PqConnection> connection_;
  std::shared_ptr<postgres::Pending<Unit>> done_ = std::make_shared<postgres::Pending<Unit>>();
};

TEST_F(Observer, IdleInTransactionIsFoundWithItsAge) {
  Leaky leaky(io_thread, address("app_user"));
  const Status status = leaky.wait(limits());
  ASSERT_TRUE(status.has_value()) << describe(status.error());
  observe(address("observer"));
  EXPECT_TRUE(eventually([this] {
    const auto idle = observer->observation("s")->idle_in_transaction;
    return idle.size() == 1 && idle[0].application_name == "leaky" && idle[0].user == "app_user" && idle[0].pid > 0 &&
           idle[0].idle_seconds > 0.05 && idle[0].transaction_seconds >= idle[0].idle_seconds;
  }));
  const auto sessions = observer->observation("s")->sessions;
  EXPECT_THAT(sessions,
              testing::Contains(testing::AllOf(testing::Field(&postgres::SessionGroup::application_name, "leaky"),
                                               testing::Field(&postgres::SessionGroup::state, "idle in transaction"),
                                               testing::Field(&postgres::SessionGroup::client_address, "127.0.0.1"))));
  const auto count = count_sessions(*observer->observation("s"), {"127.0.0.1"});
  EXPECT_GE(count.ours, 1);
  EXPECT_EQ(count.foreign, 0);
}

TEST_F(Observer, EndsASessionOnlyAsItWasSeenAndWithTheRight) {
  using Pids = std::vector<std::int64_t>;
  const auto end = [this](const std::string& key, const postgres::IdleInTransaction& session) {
    const auto pending = std::make_shared<postgres::Pending<Pids>>();
    observer->end_sessions(key, {{.pid = session.pid, .mark = session.mark}},
                           [pending](Result<Pids> ended) { pending->set(std::move(ended)); });
    return pending->wait(limits(), "end");
  };
  const auto leak = [this] {
    const auto idle = observer->observation("s")->idle_in_transaction;
    return idle.size() == 1 ? idle[0] : postgres::IdleInTransaction{};
  };
  Leaky leaky(io_thread, address("app_user"));
  ASSERT_TRUE(leaky.wait(limits()).has_value());
  observe(address("observer"));
  ASSERT_TRUE(eventually([&] { return leak().pid > 0; }));
  const postgres::IdleInTransaction before = leak();
  EXPECT_EQ(end("s", before).error().kind, ErrorKind::kForbidden) << "pg_monitor may only look";
  EXPECT_EQ(end("nobody", before).error().kind, ErrorKind::kUnavailable);

  observer->set_server("s", address("app_user"));  // a role may end its own sessions
  ASSERT_TRUE(eventually([&] { return !observer->observation("s")->facts.sees_all_sessions && leak().pid > 0; }));
  leaky.begin_anew(limits());
  ASSERT_TRUE(eventually([&] { return leak().pid > 0 && leak().mark != before.mark; }));
  EXPECT_EQ(end("s", before).value(), Pids{}) << "another transaction of the same session";
  EXPECT_TRUE(leaky.is_open());
  EXPECT_EQ(end("s", leak()).value(), Pids{before.pid});
  EXPECT_TRUE(eventually([&] { return !leaky.is_open(); }));
}

TEST_F(Observer, RoleWithoutRightsStillCounts) {
  const auto seen = observe(address("plain"));
  ASSERT_TRUE(seen->observed_at) << describe(*seen->error);
  EXPECT_EQ(seen->facts.max_connections, 60);
  EXPECT_FALSE(seen->facts.sees_all_sessions);
  EXPECT_FALSE(seen->error.has_value());
}

TEST_F(Observer, WrongPasswordIsUnauthorizedAndRepairable) {
  auto wrong = address("observer");
  wrong.login.password = SecretString("guessed");
  const auto seen = observe(wrong);
  ASSERT_TRUE(seen->error.has_value());
  EXPECT_EQ(seen->error->kind, ErrorKind::kUnauthorized) << describe(*seen->error);
  EXPECT_THAT(seen->error->message, testing::Not(testing::HasSubstr("guessed")));
  observer->set_server("s", address("observer"));
  EXPECT_TRUE(eventually([this] { return observer->observation("s")->is_connected; }));
}

TEST_F(Observer, UnknownDatabaseIsUnavailable) {
  auto server = address("observer");
  server.database = "host=127.0.0.1 user=postgres";
  const auto seen = observe(server);
  ASSERT_TRUE(seen->error.has_value()) << "a database name is never read as a connection string";
  EXPECT_THAT(seen->error->message, testing::HasSubstr("does not exist"));
}

TEST_F(Observer, ServerWithoutTlsIsRefusedWhereTlsIsAskedFor) {
  auto server = address("observer");
  server.tls.mode = "require";
  const auto seen = observe(server);
  ASSERT_TRUE(seen->error.has_value());
  EXPECT_THAT(seen->error->message, testing::HasSubstr("SSL"));
}

TEST_F(Observer, RemovedServerIsNotObserved) {
  observe(address("observer"));
  observer->remove_server("s");
  EXPECT_EQ(observer->observation("s"), nullptr);
  EXPECT_TRUE(observer->observations().empty());
}

TEST_F(Observer, ProbeMeasures) {
  const auto good = probe(io_thread, clock, address("app_user"), limits());
  ASSERT_TRUE(good) << describe(good.error());
  EXPECT_GT(good->connect_time.count(), 0);
  EXPECT_GT(good->response_time.count(), 0);
  EXPECT_EQ(good->version / 10000, 15);
}

TEST_F(Observer, ProbeTellsWhatIsWrong) {
  auto nowhere = address("app_user");
  nowhere.port = free_port();
  EXPECT_EQ(kind_of(probe(io_thread, clock, nowhere, limits())), ErrorKind::kUnavailable);
  EXPECT_EQ(kind_of(probe(io_thread, clock, address("nobody"), limits())), ErrorKind::kUnauthorized);
  std::stop_source stop;
  stop.request_stop();
  const CallLimits stopped{Deadline(clock, Duration{20'000}), stop.get_token()};
  EXPECT_EQ(kind_of(probe(io_thread, clock, address("app_user"), stopped)), ErrorKind::kCancelled);
}

}  // namespace
}  // namespace poolwright::tests

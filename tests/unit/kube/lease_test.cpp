#include "kube/lease.h"

#include <random>

#include "unit/kube/kube_fixture.h"

namespace poolwright::kube {
namespace {

using api::Json;
using std::chrono::seconds;

const api::ObjectKey kLease{"coordination.k8s.io/v1", "Lease", "ops", "poolwright"};

/// One operator: its own gate, sharing the clock and the API server with the others.
struct Candidate {
  Candidate(Client& client, const Clock& clock, Random& random, const std::string& identity)
      : gate(clock), elector(client, gate, clock, random, {.namespace_name = "ops", .identity = identity}) {}

  LeaderGate gate;
  LeaseElector elector;
};

class LeaseTest : public KubeFixture {
 protected:
  Json spec() const {
    const Json lease = server_.stored(kLease);
    return lease.is_null() ? Json() : lease.at("spec");
  }
  std::string holder() const { return spec().at("holderIdentity").get<std::string>(); }
  void block_server(bool blocked) {
    server_.interfere([blocked](const Request&) -> std::optional<Result<Response>> {
      if (!blocked) return std::nullopt;
      return make_error(ErrorKind::kDeadlineExceeded, "no answer");
    });
  }

  std::stop_token never_;
  Candidate a_{client_, clock_, *random_, "a"};
  Candidate b_{client_, clock_, *random_, "b"};
};

TEST_F(LeaseTest, TheFirstGetsIt) {
  const Duration delay = a_.elector.attempt(never_);
  EXPECT_TRUE(a_.elector.is_leader());
  EXPECT_EQ(holder(), "a");
  EXPECT_EQ(spec().at("leaseDurationSeconds"), 15);
  EXPECT_EQ(spec().at("leaseTransitions"), 0);
  EXPECT_GE(delay, seconds{2});
  EXPECT_LE(delay, Duration{2400});
  b_.elector.attempt(never_);
  EXPECT_FALSE(b_.elector.is_leader());
  EXPECT_EQ(b_.elector.holder(), "a");
  EXPECT_TRUE(a_.elector.is_leader());
}

TEST_F(LeaseTest, ARenewalIsOneRequest) {
  a_.elector.attempt(never_);
  const std::string acquired = spec().at("acquireTime");
  const auto gets = server_.requests(Method::kGet);
  clock_.advance(seconds{2});
  a_.elector.attempt(never_);
  EXPECT_EQ(server_.requests(Method::kGet), gets);
  EXPECT_EQ(spec().at("acquireTime"), acquired);
  EXPECT_NE(spec().at("renewTime"), acquired);
  EXPECT_EQ(a_.gate.end(), clock_.now() + seconds{10});
}

TEST_F(LeaseTest, WithoutRenewalTheGateClosesBeforeTheLeaseEnds) {
  a_.elector.attempt(never_);
  b_.elector.attempt(never_);
  block_server(true);
  clock_.advance(Duration{9'999});
  EXPECT_TRUE(a_.gate.may_write());
  clock_.advance(Duration{1});
  EXPECT_FALSE(a_.gate.may_write()) << "closed by time alone, without any call";
  block_server(false);
  b_.elector.attempt(never_);
  EXPECT_FALSE(b_.elector.is_leader()) << "10 s are not 15";
  clock_.advance(seconds{5});
  b_.elector.attempt(never_);
  EXPECT_TRUE(b_.elector.is_leader());
  EXPECT_EQ(holder(), "b");
  EXPECT_EQ(spec().at("leaseTransitions"), 1);
}

TEST_F(LeaseTest, ASuspendedLeaderFindsItsGateClosedAndTheLeaseTaken) {
  a_.elector.attempt(never_);
  b_.elector.attempt(never_);
  clock_.advance(seconds{60});  // a is stopped meanwhile
  b_.elector.attempt(never_);
  EXPECT_TRUE(b_.elector.is_leader());
  EXPECT_FALSE(a_.gate.may_write());
  a_.elector.attempt(never_);
  EXPECT_FALSE(a_.elector.is_leader());
  EXPECT_EQ(holder(), "b");
}

TEST_F(LeaseTest, OnlyTimesObservedHereCount) {
  // A renewTime of long ago, as from a clock that is wrong: not expired until we saw it unchanged for 15 s ourselves.
  Json lease = {
      {"apiVersion", kLease.api_version},
      {"kind", "Lease"},
      {"metadata", {{"name", "poolwright"}, {"namespace", "ops"}}},
      {"spec",
       {{"holderIdentity", "other"}, {"renewTime", "1999-01-01T00:00:00.000000Z"}, {"leaseDurationSeconds", 1}}}};
  ASSERT_TRUE(client_.create(lease, limits()));
  a_.elector.attempt(never_);
  EXPECT_FALSE(a_.elector.is_leader());
  clock_.advance(seconds{14});
  a_.elector.attempt(never_);
  EXPECT_FALSE(a_.elector.is_leader());
  clock_.advance(seconds{1});
  a_.elector.attempt(never_);
  EXPECT_TRUE(a_.elector.is_leader());
}

TEST_F(LeaseTest, ReleasingLetsTheNextOneInAtOnce) {
  a_.elector.attempt(never_);
  b_.elector.attempt(never_);
  a_.elector.release();
  EXPECT_FALSE(a_.gate.may_write());
  EXPECT_EQ(holder(), "");
  b_.elector.attempt(never_);
  EXPECT_TRUE(b_.elector.is_leader());
}

TEST_F(LeaseTest, WhoDoesNotHoldItDoesNotReleaseIt) {
  a_.elector.attempt(never_);
  b_.elector.attempt(never_);
  b_.elector.release();
  EXPECT_EQ(holder(), "a");
  clock_.advance(seconds{60});
  b_.elector.attempt(never_);
  a_.elector.release();
  EXPECT_EQ(holder(), "b") << "a lost it meanwhile";
}

TEST_F(LeaseTest, OurOwnLeaseOfBeforeARestartIsTakenUp) {
  a_.elector.attempt(never_);
  Candidate again(client_, clock_, *random_, "a");
  again.elector.attempt(never_);
  EXPECT_TRUE(again.elector.is_leader());
  EXPECT_EQ(spec().at("leaseTransitions"), 0);
}

TEST_F(LeaseTest, ALostAnswerDoesNotOpenTheGateButTheNextAttemptDoes) {
  server_.lose_answers({Method::kPost});
  a_.elector.attempt(never_);
  EXPECT_FALSE(a_.elector.is_leader());
  server_.lose_answers({});
  EXPECT_EQ(holder(), "a");
  a_.elector.attempt(never_);
  EXPECT_TRUE(a_.elector.is_leader());
}

TEST_F(LeaseTest, LabelsAndOwnersOfTheLeaseAreKept) {
  a_.elector.attempt(never_);
  a_.elector.release();
  ASSERT_TRUE(client_.merge_patch(kLease, {{"metadata", {{"labels", {{"team", "db"}}}}}}, limits()));
  a_.elector.attempt(never_);
  a_.elector.attempt(never_);
  EXPECT_EQ(server_.stored(kLease).at("metadata").at("labels").at("team"), "db");
}

TEST_F(LeaseTest, NeverTwoAtOnceWhateverHappens) {
  for (unsigned seed = 0; seed < 25; ++seed) {
    std::mt19937 choices(seed);
    fakes::FakeApiServer server;
    ManualClock clock;
    ManualWaiter waiter(clock);
    const auto random = make_seeded_random(seed);
    Client client({.transport = server, .clock = clock, .random = *random, .waiter = waiter});
    Candidate first(client, clock, *random, "a");
    Candidate second(client, clock, *random, "b");
    int terms = 0;
    for (int step = 0; step < 300; ++step) {
      server.lose_answers(choices() % 5 == 0 ? std::set{Method::kPut, Method::kPost} : std::set<Method>{});
      const bool is_down = choices() % 5 == 0;
      server.interfere([is_down](const Request&) -> std::optional<Result<Response>> {
        if (is_down) return make_error(ErrorKind::kUnavailable, "down");
        return std::nullopt;
      });
      Candidate& candidate = choices() % 2 == 0 ? first : second;
      if (choices() % 20 == 0) {
        candidate.elector.release();
      } else {
        candidate.elector.attempt({});
      }
      terms += candidate.elector.is_leader() ? 1 : 0;
      ASSERT_FALSE(first.gate.may_write() && second.gate.may_write()) << "seed " << seed << " step " << step;
      clock.advance(Duration{choices() % 8000});
      ASSERT_FALSE(first.gate.may_write() && second.gate.may_write()) << "seed " << seed << " step " << step;
    }
    EXPECT_GT(terms, 10) << "seed " << seed << ": somebody has to lead now and then";
  }
}

TEST_F(LeaseTest, TheRunnerReportsAndReleases) {
  Mutex mutex;
  std::vector<bool> changes;
  ThreadWaiter waiter;
  LeaseRunner runner(a_.elector, waiter, [&](bool leads) {
    const MutexLock lock(mutex);
    changes.push_back(leads);
  });
  runner.start();
  for (int i = 0; i < 2000; ++i) {
    {
      const MutexLock lock(mutex);
      if (!changes.empty()) break;
    }
    waiter.wait(Duration{5}, {});
  }
  runner.stop();
  EXPECT_EQ(changes, (std::vector<bool>{true, false}));
  EXPECT_EQ(holder(), "");
}

}  // namespace
}  // namespace poolwright::kube

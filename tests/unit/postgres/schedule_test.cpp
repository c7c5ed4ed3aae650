#include "postgres/schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "base/random.h"

namespace poolwright::postgres {
namespace {

using std::chrono::milliseconds;

MonotonicTime at(int ms) { return MonotonicTime{} + std::chrono::hours{1} + milliseconds{ms}; }

TEST(ConnectGate, SpacesConnects) {
  ConnectGate gate({.concurrent_max = 16, .spacing = Duration{20}, .rest = {}});
  for (const char* name : {"a", "b", "c"}) gate.request(name);
  EXPECT_EQ(gate.admit(at(0)), "a");
  EXPECT_EQ(gate.admit(at(0)), std::nullopt);
  EXPECT_EQ(gate.next_turn(), at(20));
  EXPECT_EQ(gate.admit(at(19)), std::nullopt);
  EXPECT_EQ(gate.admit(at(20)), "b");
  EXPECT_EQ(gate.admit(at(500)), "c") << "waiting long is no reason for a burst";
  EXPECT_EQ(gate.next_turn(), std::nullopt);
}

TEST(ConnectGate, LimitsWhatRunsAtOnce) {
  ConnectGate gate({.concurrent_max = 2, .spacing = Duration{0}, .rest = {}});
  for (const char* name : {"a", "b", "c"}) gate.request(name);
  EXPECT_EQ(gate.admit(at(0)), "a");
  EXPECT_EQ(gate.admit(at(0)), "b");
  EXPECT_EQ(gate.admit(at(0)), std::nullopt);
  EXPECT_EQ(gate.next_turn(), std::nullopt) << "it waits for finished(), not for time";
  gate.finished();
  EXPECT_EQ(gate.connecting(), 1);
  EXPECT_EQ(gate.admit(at(0)), "c");
}

TEST(ConnectGate, AskingTwiceIsAskingOnceAndWithdrawnIsGone) {
  ConnectGate gate({.concurrent_max = 9, .spacing = Duration{0}, .rest = {}});
  gate.request("a");
  gate.request("b");
  gate.request("a");
  gate.withdraw("b");
  gate.withdraw("never asked");
  EXPECT_EQ(gate.admit(at(0)), "a");
  EXPECT_EQ(gate.admit(at(0)), std::nullopt);
}

/// Over any order of events: never more at once than allowed, never faster than allowed, nobody forgotten.
TEST(ConnectGate, KeepsItsLimitsForAllOrders) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    const int concurrent = static_cast<int>(random() % 5) + 1;
    ConnectGate gate({.concurrent_max = concurrent, .spacing = Duration{20}, .rest = {}});
    std::set<std::string> wanted;
    int running = 0;
    std::optional<int> last;
    for (int now = 0; now < 4'000; now += static_cast<int>(random() % 9)) {
      if (now < 1'000 && random() % 3 == 0) {
        const std::string name = std::to_string(random() % 40);
        gate.request(name);
        wanted.insert(name);
      }
      if (running > 0 && random() % 2 == 0) {
        gate.finished();
        --running;
      }
      while (const auto name = gate.admit(at(now))) {
        ASSERT_EQ(wanted.erase(*name), 1U) << "seed " << seed;
        ASSERT_LE(++running, concurrent) << "seed " << seed;
        ASSERT_TRUE(!last || now - *last >= 20) << "seed " << seed;
        last = now;
      }
    }
    EXPECT_TRUE(wanted.empty()) << "seed " << seed;
  }
}

TEST(NextDue, KeepsTheBeatAndSkipsWhatWasMissed) {
  struct Case {
    int due;
    int now;
    int next;
  };
  for (const Case& one : {Case{0, 3, 1'000}, Case{0, 999, 1'000}, Case{0, 1'000, 1'000}, Case{0, 1'400, 1'400},
                          Case{0, 9'000, 9'000}, Case{9'000, 9'010, 10'000}}) {
    EXPECT_EQ(next_due(at(one.due), at(one.now), Duration{1'000}), at(one.next)) << one.now;
  }
}

TEST(Rest, GrowsToItsCapWithJitter) {
  const auto random = make_seeded_random(3);
  const Backoff rest = ConnectLimits{}.rest;
  for (int failures = 1; failures < 40; ++failures) {
    const auto whole = std::min<Duration::rep>(60'000, failures > 7 ? 60'000 : 1'000 << (failures - 1));
    const Duration delay = backoff_delay(rest, failures, *random);
    EXPECT_LE(delay.count(), whole);
    EXPECT_GE(delay.count(), whole / 2);
  }
}

}  // namespace
}  // namespace poolwright::postgres

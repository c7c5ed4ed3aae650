#include "sizing/knee_guard.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace poolwright::sizing {
namespace {

/// A server that does `knee` statements at a time at full speed, and more only
/// slower; or one that is bound by locks.
class FakeServer {
 public:
  explicit FakeServer(double knee, bool is_lock_bound = false) : knee_(knee), is_lock_bound_(is_lock_bound) {}

  /// One second with as much concurrency as the guard allows, up to `demand`.
  double second(KneeGuard& guard, double demand) {
    now_s_ += 1.0;
    const double allowed = std::max(1.0, std::min(cap_, demand));
    const double over = std::max(0.0, allowed - knee_);
    const double rate = is_lock_bound_ ? allowed : std::min(allowed, knee_) - 0.1 * over;
    Sample sample;
    sample.time_s = now_s_;
    sample.transactions = 100 * rate;
    sample.busy = allowed;
    sample.active = static_cast<int>(allowed + 0.5);
    sample.waiting = demand > allowed ? static_cast<int>(demand * 3) : 0;
    window_.push_back(sample);
    const GuardPool pool{.id = "a", .window = window_, .busy = allowed, .transactions = sample.transactions};
    const bool is_pressed = demand > allowed;
    cap_ = guard.tick(
        {.now_s = now_s_, .pools = std::span(&pool, 1), .is_contending = is_pressed, .is_growth_wanted = is_pressed});
    guard.note_blocked(is_pressed);
    most_ = std::max(most_, cap_);
    return cap_;
  }

  double now_s() const { return now_s_; }
  double most() const { return most_; }

 private:
  double knee_;
  bool is_lock_bound_;
  double now_s_ = 0;
  double cap_ = 16;
  double most_ = 0;
  std::deque<Sample> window_;
};

TEST(KneeGuard, GrowthThatPaysIsAllowedStepByStep) {
  KneeGuard guard{GuardParameters{}};
  FakeServer server(1000);
  for (int i = 0; i < 120; ++i) server.second(guard, 300);
  EXPECT_EQ(guard.state(), GuardState::kOpen);
  EXPECT_GE(server.most(), 300);
}

TEST(KneeGuard, HoldsASaturatedServerNearItsKnee) {
  KneeGuard guard{GuardParameters{}};
  FakeServer server(40);
  double cap = 0;
  for (int i = 0; i < 600; ++i) {
    cap = server.second(guard, 500);
    EXPECT_LE(cap, 4 * 40) << "second " << i;
    EXPECT_GE(guard.proven(), 16);
  }
  EXPECT_NE(guard.state(), GuardState::kOpen);
  EXPECT_NEAR(cap, 40, 25);
}

TEST(KneeGuard, OpensWhenThePressureIsOver) {
  KneeGuard guard{GuardParameters{}};
  FakeServer server(40);
  for (int i = 0; i < 300; ++i) server.second(guard, 500);
  ASSERT_NE(guard.state(), GuardState::kOpen);
  for (int i = 0; i < 40; ++i) server.second(guard, 5);
  EXPECT_EQ(guard.state(), GuardState::kOpen);
  EXPECT_EQ(guard.events().back().kind, GuardEvent::Kind::kCleared);
}

TEST(KneeGuard, LockBoundLoadDoesNotStaySaturated) {
  KneeGuard guard{GuardParameters{}};
  FakeServer server(40, true);
  int capped = 0;
  for (int i = 0; i < 300; ++i) {
    server.second(guard, 200);
    capped += guard.state() != GuardState::kOpen;
  }
  EXPECT_EQ(guard.state(), GuardState::kOpen);
  EXPECT_LT(capped, 60);
}

TEST(KneeGuard, AnInterruptedProbeGivesBackWhatItTook) {
  KneeGuard guard{GuardParameters{}};
  FakeServer server(40);
  double before = 0;
  double cap = server.second(guard, 500);
  for (int i = 0; i < 600 && !(guard.state() == GuardState::kSaturated && before > 0 && cap < before); ++i) {
    before = guard.state() == GuardState::kSaturated ? cap : 0;
    cap = server.second(guard, 500);
  }
  ASSERT_LT(cap, before) << "no probe downwards was seen";
  const std::deque<Sample> window(3);
  const GuardPool lost{.id = "a", .window = window, .busy = 30, .transactions = 3000, .is_doubtful = true};
  const double after = guard.tick({.now_s = server.now_s() + 1, .pools = std::span(&lost, 1), .is_contending = true});
  EXPECT_DOUBLE_EQ(after, before);
}

TEST(KneeGuard, ATestThatMakesTheQueueGrowEndsSoon) {
  KneeGuard guard{GuardParameters{}};
  std::deque<Sample> window;
  double now_s = 0;
  double waiting = 20;
  int tested = 0;
  for (int t = 0; t < 60; ++t) {
    now_s += 1;
    // Transactions come at the same rate, whatever happens, and hold a server longer from the fifth second on.
    const double wanted = t < 5 ? 14 : 24;
    const double cap = guard.ceiling().value_or(1000);
    const double busy = std::min(wanted, cap);
    waiting = std::max(0.0, waiting + 200 * (1 - busy / wanted) - (cap >= 1000 ? 20 : 0));
    Sample sample{.time_s = now_s, .transactions = 200 * busy / wanted * (t % 2 == 0 ? 1.12 : 0.88), .busy = busy};
    sample.active = static_cast<int>(busy);
    sample.waiting = static_cast<int>(waiting);
    window.push_back(sample);
    const GuardPool pool{.id = "a", .window = window, .busy = busy, .transactions = sample.transactions};
    guard.tick({.now_s = now_s, .pools = std::span(&pool, 1), .is_contending = true, .is_growth_wanted = t < 30});
    tested += guard.state() == GuardState::kTesting;
  }
  EXPECT_GT(tested, 0) << "no test was seen";
  EXPECT_LT(tested, 8) << "the noise of the rate is no reason to let clients wait for 15 s";
  EXPECT_EQ(guard.state(), GuardState::kOpen);
}

}  // namespace
}  // namespace poolwright::sizing

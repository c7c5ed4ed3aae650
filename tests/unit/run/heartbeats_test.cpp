#include "run/heartbeats.h"

#include <gtest/gtest.h>

#include "fakes/manual_clock.h"

namespace poolwright::run {
namespace {

using std::chrono::seconds;

MonotonicTime moved_at(Heartbeats& beats, const std::string& thread) {
  for (const serve::Heartbeat& beat : beats.take()) {
    if (beat.thread == thread) return beat.moved_at;
  }
  ADD_FAILURE() << "no beat of " << thread;
  return {};
}

class HeartbeatsTest : public ::testing::Test {
 protected:
  ManualClock clock_;
  std::unique_ptr<Random> random_ = make_seeded_random(3);
  postgres::IoThread consoles_;
  kube::WorkQueue queue_{clock_, *random_};
  Heartbeats beats_{consoles_, queue_, clock_};
};

TEST_F(HeartbeatsTest, AThreadThatRunsBeatsAndOneThatHangsDoesNot) {
  clock_.advance(seconds{10});
  static_cast<void>(beats_.take());
  consoles_.run_and_wait([] {});  // all that was posted before is done then
  EXPECT_EQ(moved_at(beats_, "consoles"), clock_.now());
  consoles_.run_and_wait([] {});

  const MonotonicTime before = clock_.now();
  consoles_.stop();  // what is posted to a thread that hangs is not run, either
  clock_.advance(seconds{300});
  static_cast<void>(beats_.take());
  EXPECT_EQ(moved_at(beats_, "consoles"), before);
}

TEST_F(HeartbeatsTest, WorkersMoveOnUnlessOneIsAtAPoolForTooLong) {
  clock_.advance(seconds{10});
  EXPECT_EQ(moved_at(beats_, "workers"), clock_.now()) << "nothing to do is no reason to worry";
  queue_.add({"shop", "orders"});
  ASSERT_TRUE(queue_.try_take());
  const MonotonicTime taken = clock_.now();
  clock_.advance(seconds{90});
  queue_.add({"shop", "billing"});
  ASSERT_TRUE(queue_.try_take());
  EXPECT_EQ(moved_at(beats_, "workers"), taken) << "the longest counts";
  queue_.done({"shop", "orders"});
  EXPECT_EQ(moved_at(beats_, "workers"), clock_.now());
}

}  // namespace
}  // namespace poolwright::run

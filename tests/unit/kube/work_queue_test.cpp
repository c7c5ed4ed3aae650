#include "kube/work_queue.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <thread>

#include "base/result.h"
#include "fakes/manual_clock.h"

namespace poolwright::kube {
namespace {

using std::chrono::seconds;

const WorkKey kA{"shop", "a"};
const WorkKey kB{"shop", "b"};
const WorkKey kC{"shop", "c"};

class WorkQueueTest : public ::testing::Test {
 protected:
  std::string take() {
    const auto key = queue_.try_take();
    return key ? key->name : "";
  }

  ManualClock clock_;
  std::unique_ptr<Random> random_ = make_seeded_random(3);
  WorkQueue queue_{clock_, *random_};
};

TEST_F(WorkQueueTest, FirstInFirstOut) {
  queue_.add(kA);
  queue_.add(kB);
  EXPECT_EQ(take(), "a");
  EXPECT_EQ(take(), "b");
  EXPECT_EQ(take(), "");
}

TEST_F(WorkQueueTest, AKeyAddedSeveralTimesIsGivenOutOnce) {
  for (int i = 0; i < 5; ++i) queue_.add(kA);
  EXPECT_EQ(queue_.waiting(), 1U);
  EXPECT_EQ(take(), "a");
  EXPECT_EQ(take(), "");
}

TEST_F(WorkQueueTest, AKeyIsNeverGivenToTwoTakers) {
  queue_.add(kA);
  EXPECT_EQ(take(), "a");
  queue_.add(kA);
  EXPECT_EQ(take(), "") << "it is taken";
  queue_.done(kA);
  EXPECT_EQ(take(), "a") << "added meanwhile, so looked at again";
  queue_.done(kA);
  EXPECT_EQ(take(), "");
}

TEST_F(WorkQueueTest, KeysOfDifferentNamespacesAreDifferent) {
  queue_.add({"shop", "a"});
  queue_.add({"other", "a"});
  EXPECT_EQ(queue_.waiting(), 2U);
}

TEST_F(WorkQueueTest, ADelayedKeyComesWhenItIsDue) {
  queue_.add_after(kA, seconds{5});
  EXPECT_EQ(take(), "");
  EXPECT_EQ(queue_.next_due(), clock_.now() + seconds{5});
  clock_.advance(Duration{4999});
  EXPECT_EQ(take(), "");
  clock_.advance(Duration{1});
  EXPECT_EQ(take(), "a");
  EXPECT_EQ(queue_.next_due(), std::nullopt);
}

TEST_F(WorkQueueTest, TheEarliestOfSeveralDelaysCounts) {
  queue_.add_after(kA, seconds{5});
  queue_.add_after(kA, seconds{2});
  queue_.add_after(kA, seconds{9});
  EXPECT_EQ(queue_.delayed(), 1U);
  clock_.advance(seconds{2});
  EXPECT_EQ(take(), "a");
  queue_.done(kA);
  clock_.advance(seconds{20});
  EXPECT_EQ(take(), "") << "the later ones are gone";
}

TEST_F(WorkQueueTest, AnAddOvertakesADelay) {
  queue_.add_after(kA, seconds{5});
  queue_.add(kA);
  EXPECT_EQ(take(), "a");
  queue_.done(kA);
  clock_.advance(seconds{10});
  EXPECT_EQ(take(), "");
}

TEST_F(WorkQueueTest, ADelayOfAWaitingKeyIsPointless) {
  queue_.add(kA);
  queue_.add_after(kA, seconds{5});
  EXPECT_EQ(queue_.delayed(), 0U);
}

TEST_F(WorkQueueTest, ADelayWhileTakenStands) {
  queue_.add(kA);
  take();
  queue_.add_after(kA, seconds{5});
  queue_.done(kA);
  EXPECT_EQ(take(), "");
  clock_.advance(seconds{5});
  EXPECT_EQ(take(), "a");
}

TEST_F(WorkQueueTest, ADelayThatEndsWhileTakenWaitsForDone) {
  queue_.add(kA);
  take();
  queue_.add_after(kA, seconds{5});
  clock_.advance(seconds{6});
  EXPECT_EQ(take(), "");
  queue_.done(kA);
  EXPECT_EQ(take(), "a");
}

TEST_F(WorkQueueTest, FailuresWaitLongerAndLonger) {
  std::vector<Duration> delays;
  for (int i = 0; i < 30; ++i) delays.push_back(queue_.add_failed(kA));
  EXPECT_LE(delays[0], Duration{5});
  EXPECT_GE(delays[4], Duration{40});
  EXPECT_LE(delays[4], Duration{80});
  for (const Duration delay : delays) EXPECT_LE(delay, seconds{1000});
  EXPECT_GE(delays.back(), seconds{500});
  EXPECT_EQ(queue_.failures(kA), 30);
  EXPECT_EQ(queue_.failures(kB), 0);
  queue_.forget(kA);
  EXPECT_LE(queue_.add_failed(kA), Duration{5});
}

TEST_F(WorkQueueTest, AnErrorMayNameItsDelay) {
  Error error = make_error(ErrorKind::kThrottled, "slow down");
  error.retry_after = seconds{7};
  EXPECT_EQ(queue_.add_failed(kA, error), seconds{7});
  EXPECT_EQ(queue_.add_failed(kB, make_error(ErrorKind::kInvalid, "no")), std::chrono::minutes{5});
}

TEST_F(WorkQueueTest, AfterShutDownNothingIsGivenOut) {
  queue_.add(kA);
  queue_.add(kB);
  queue_.add_after(kC, seconds{1});
  EXPECT_EQ(take(), "a");
  queue_.shut_down();
  EXPECT_EQ(take(), "");
  queue_.add(kC);
  queue_.add_after(kC, seconds{1});
  queue_.add_failed(kC);
  EXPECT_EQ(queue_.waiting() + queue_.delayed(), 0U);
  EXPECT_EQ(queue_.take({}), std::nullopt) << "does not block either";
  EXPECT_EQ(queue_.taken(), 1U);
  EXPECT_FALSE(queue_.await_drained({Deadline(clock_, Duration{0}), {}}));
  queue_.done(kA);
  EXPECT_TRUE(queue_.await_drained({Deadline(clock_, Duration{0}), {}}));
}

TEST_F(WorkQueueTest, StoppingEndsAWait) {
  std::jthread taker([&](const std::stop_token& stop) { EXPECT_EQ(queue_.take(stop), std::nullopt); });
  taker.request_stop();
}

TEST_F(WorkQueueTest, DoneOfWhatIsNotTakenIsABug) { EXPECT_DEATH(queue_.done(kA), "taken_"); }

TEST(WorkQueueThreads, ManyAddersAndTakersLoseNothingAndShareNothing) {
  const SystemClock clock;
  const auto random = make_seeded_random(5);
  WorkQueue queue(clock, *random);
  constexpr int kKeys = 20;
  constexpr int kAdds = 2000;
  std::array<std::atomic<int>, kKeys> in_hand{};
  std::array<std::atomic<int>, kKeys> wanted{};
  std::array<std::atomic<int>, kKeys> seen{};
  const auto key_of = [](int i) { return WorkKey{"shop", std::to_string(i)}; };
  {
    std::vector<std::jthread> takers;
    for (int i = 0; i < 4; ++i) {
      takers.emplace_back([&] {
        while (const auto key = queue.take({})) {
          const auto index = static_cast<std::size_t>(std::stoi(key->name));
          EXPECT_EQ(in_hand[index].fetch_add(1), 0) << "taken twice at once";
          seen[index] = wanted[index].load();
          in_hand[index].fetch_sub(1);
          queue.done(*key);
        }
      });
    }
    {
      std::vector<std::jthread> adders;
      for (int adder = 0; adder < 3; ++adder) {
        adders.emplace_back([&, adder] {
          for (int i = 0; i < kAdds; ++i) {
            const int index = (i * 7 + adder) % kKeys;
            ++wanted[static_cast<std::size_t>(index)];
            if (i % 3 == 0) {
              queue.add_after(key_of(index), Duration{1});
            } else {
              queue.add(key_of(index));
            }
          }
        });
      }
    }
    while (queue.waiting() + queue.delayed() + queue.taken() > 0) std::this_thread::yield();
    queue.shut_down();
  }
  for (std::size_t i = 0; i < kKeys; ++i) EXPECT_EQ(seen[i], wanted[i]) << "key " << i << ": the last add was not seen";
}

}  // namespace
}  // namespace poolwright::kube

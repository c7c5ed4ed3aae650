#include "redis/watcher.h"

#include <gtest/gtest.h>

#include <functional>

#include "unit/redis/real_redis.h"

namespace poolwright::redis {
namespace {

using std::chrono::milliseconds;

ProbeTarget target(std::uint16_t port) {
  return {.url = *parse_redis_url(SecretString("redis://127.0.0.1:" + std::to_string(port)))};
}

/// Until it holds; the limit only ends a test that has failed.
bool eventually(const std::function<bool()>& holds) {
  const SystemClock clock;
  const Deadline deadline(clock, milliseconds(30000));
  while (!deadline.passed()) {
    if (holds()) return true;
    std::this_thread::sleep_for(milliseconds(5));
  }
  return false;
}

bool is_connected(const Watcher& watcher, const std::string& id) {
  const auto outcomes = watcher.outcomes();
  const auto found = outcomes->find(id);
  return found != outcomes->end() && found->second.is_connected;
}

TEST(Watcher, SeesARedisGoAndComeBack) {
  const SystemClock clock;
  RealRedis redis;
  Watcher watcher(clock, milliseconds(20));
  EXPECT_TRUE(watcher.outcomes()->empty());
  watcher.watch({{"shop/orders", target(redis.port())}});
  EXPECT_TRUE(eventually([&] { return is_connected(watcher, "shop/orders"); }));
  redis.stop();
  EXPECT_TRUE(eventually([&] { return !is_connected(watcher, "shop/orders"); }));
  EXPECT_FALSE(watcher.outcomes()->at("shop/orders").problem.empty());
}

TEST(Watcher, OneThatHangsHoldsUpNobody) {
  const SystemClock clock;
  const RealRedis redis;
  const SilentServer silent;
  Watcher watcher(clock, milliseconds(20));
  watcher.watch(
      {{"a-silent", target(silent.port())}, {"b-silent", target(silent.port())}, {"good", target(redis.port())}});
  EXPECT_TRUE(eventually([&] { return is_connected(watcher, "good"); }));
  EXPECT_FALSE(is_connected(watcher, "a-silent"));
}

TEST(Watcher, ForgetsTargetsThatAreGoneAndAsksChangedOnesAnew) {
  const SystemClock clock;
  const RealRedis redis;
  Watcher watcher(clock, milliseconds(60000));
  watcher.watch({{"a", target(redis.port())}, {"b", target(redis.port())}});
  EXPECT_TRUE(eventually([&] { return is_connected(watcher, "a") && is_connected(watcher, "b"); }));
  watcher.watch({{"a", target(free_port())}});
  EXPECT_FALSE(watcher.outcomes()->contains("b"));
  EXPECT_TRUE(eventually([&] { return !is_connected(watcher, "a"); })) << "without waiting for the interval";
}

TEST(Watcher, StopsInTheMiddleOfAProbe) {
  const SystemClock clock;
  const SilentServer silent;
  for (int i = 0; i < 5; ++i) {
    Watcher watcher(clock, milliseconds(10));
    watcher.watch({{"a", target(silent.port())}});
  }
}

}  // namespace
}  // namespace poolwright::redis

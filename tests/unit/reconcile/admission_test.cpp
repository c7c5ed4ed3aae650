#include "reconcile/admission.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "reconcile/stored_config.h"
#include "unit/reconcile/pool_facts.h"

namespace poolwright::reconcile {
namespace {

using render::PodHolds;

Facts pool_of(std::int32_t size, std::int32_t reserve, std::int32_t replicas) {
  Facts facts;
  facts.pool.spec.pgbouncer.replicas = replicas;
  api::Database database;
  database.name = "app";
  database.pool_size = {.min = 1, .max = size, .initial = size};
  database.reserve_pool_size = reserve;
  facts.pool.spec.databases = {database};
  facts.advice.sizes["app"] = {.size = size, .approved = size + reserve};
  return facts;
}

PodFacts runs(const std::string& name, std::int32_t size) {
  return {.name = name, .uid = name, .has_gate = true, .may_hold = PodHolds{{"app", {size, 0}}}};
}

PodFacts waits(const std::string& name) { return {.name = name, .uid = name, .at_gate = true, .has_gate = true}; }

PodFacts stops(PodFacts pod) {
  pod.terminating = true;
  return pod;
}

TEST(Admission, APodStartsOnlyWithWhatTheOthersHaveGivenBack) {
  struct Case {
    const char* what;
    std::vector<PodFacts> pods;
    std::int32_t share;
    std::map<std::string, bool> settled;
    std::vector<std::string> admitted;
  };
  const Case cases[] = {
      {"the first pods", {waits("a"), waits("b")}, 6, {}, {"a", "b"}},
      {"a rollout before the others shrank", {runs("a", 6), runs("b", 6), waits("c")}, 4, {}, {}},
      {"one of them has", {runs("a", 6), runs("b", 6), waits("c")}, 4, {{"a", true}}, {}},
      {"both have", {runs("a", 6), runs("b", 6), waits("c")}, 4, {{"a", true}, {"b", true}}, {"c"}},
      {"one stops with its share", {runs("a", 6), stops(runs("b", 6)), waits("c")}, 3, {{"a", true}}, {"c"}},
      {"it would take too much", {runs("a", 6), stops(runs("b", 6)), waits("c")}, 4, {{"a", true}}, {}},
      {"room for one of two", {runs("a", 4), waits("b"), waits("c")}, 4, {{"a", true}}, {"b", "c"}},
      {"no room for the second", {runs("a", 8), waits("b"), waits("c")}, 4, {}, {"b"}},
      {"a new one that is deleted again", {stops(waits("a")), waits("b")}, 12, {}, {"b"}},
  };
  for (const Case& c : cases) {
    Facts facts = pool_of(12, 0, 2);
    facts.pods = c.pods;
    EXPECT_EQ(pods_to_admit(facts, {{"app", {c.share, 0}}}, c.settled), c.admitted) << c.what;
  }
}

TEST(Admission, NotBeyondWhatIsApproved) {
  Facts facts = pool_of(12, 0, 2);
  facts.pods = {waits("a"), waits("b")};
  facts.advice.sizes["app"].approved = 11;
  EXPECT_EQ(pods_to_admit(facts, {{"app", {6, 0}}}, {}), std::vector<std::string>{"a"});
  facts.advice.sizes.clear();
  EXPECT_TRUE(pods_to_admit(facts, {{"app", {6, 0}}}, {}).empty()) << "nothing is decided";
}

TEST(Admission, ARolloutOfTheSmallestPoolIsPossible) {
  Facts facts = pool_of(2, 0, 2);
  facts.advice.sizes["app"].approved = 3;
  facts.pods = {runs("a", 1), runs("b", 1), waits("c")};
  EXPECT_EQ(pods_to_admit(facts, {{"app", {1, 0}}}, {{"a", true}, {"b", true}}), std::vector<std::string>{"c"});
}

TEST(Holds, AreReadFromTheConfiguration) {
  const auto decided = testing::decide_now(testing::running_pool());
  const auto expected = expected_config(decided.rendered->ini, "");
  ASSERT_TRUE(expected.has_value());
  EXPECT_EQ(holds_of(*expected), (PodHolds{{"orders", {12, 2}}}));
}

TEST(Holds, APodKeepsToItsShareOnceItsConnectionsDo) {
  const PodHolds share{{"app", {4, 1}}};
  EXPECT_TRUE(keeps_to(share, {{.name = "app", .current_connections = 5}}));
  EXPECT_FALSE(keeps_to(share, {{.name = "app", .current_connections = 6}}));
  EXPECT_TRUE(keeps_to(share, {{.name = "pgbouncer", .current_connections = 9}}));
}

/// Pods that hold whatever they may, and an operator that dies and comes back between any two of its steps.
class Plant {
 public:
  Plant(std::uint32_t seed, std::int32_t size, std::int32_t reserve, std::int32_t replicas)
      : random_(seed), size_(size), reserve_(reserve), facts_(pool_of(size, reserve, replicas)) {
    facts_.deployment = {.exists = true, .replicas = replicas};
  }

  void step() {
    switch (dice(6)) {
      case 0:
        return come();
      case 1:
        return begin_to_stop();
      case 2:
        return end();
      case 3:
        facts_.pool.spec.pgbouncer.replicas = 1 + dice(std::min(size_, 6));
        facts_.deployment.replicas = facts_.pool.spec.pgbouncer.replicas;
        return;
      default:
        return work();
    }
  }

  std::int32_t held() const {
    std::int32_t sum = 0;
    for (const auto& [uid, hold] : held_) sum += hold.size + hold.reserve;
    return sum;
  }
  std::int32_t allowed() const { return std::max(size_, most_pods_ + 1) + reserve_; }
  int started() const { return started_; }

 private:
  std::int32_t dice(std::int32_t sides) {
    return static_cast<std::int32_t>(random_() % static_cast<std::uint32_t>(std::max(1, sides)));
  }

  PodFacts* any(bool (*is_wanted)(const PodFacts&)) {
    std::vector<PodFacts*> found;
    for (PodFacts& pod : facts_.pods) {
      if (is_wanted(pod)) found.push_back(&pod);
    }
    return found.empty() ? nullptr : found[static_cast<std::size_t>(dice(static_cast<std::int32_t>(found.size())))];
  }

  void come() {
    const auto there =
        std::count_if(facts_.pods.begin(), facts_.pods.end(), [](const auto& p) { return !p.terminating; });
    if (there <= facts_.pool.spec.pgbouncer.replicas) facts_.pods.push_back(waits("pod-" + std::to_string(++serial_)));
  }
  void begin_to_stop() {
    if (PodFacts* pod = any([](const PodFacts& p) { return !p.terminating; })) pod->terminating = true;
  }
  void end() {
    PodFacts* pod = any([](const PodFacts& p) { return p.terminating; });
    if (pod == nullptr) return;
    const std::string uid = pod->uid;
    held_.erase(uid);
    std::erase_if(facts_.pods, [&](const PodFacts& p) { return p.uid == uid; });
  }

  /// One pass of the reconciler over copies of the facts, with its writes taking effect one by one; it may end early.
  void work() {
    const Facts before = facts_;
    most_pods_ = std::max(most_pods_, before.pool.spec.pgbouncer.replicas);
    const api::Database& database = before.pool.spec.databases[0];
    const Room room = room_of(before, database, dice(2) == 0);
    const SizeAdvice advice{.size = size_, .approved = std::max(size_, most_pods_ + 1) + reserve_};
    const auto fit = fitting_size(advice, database, room);
    if (!fit) return;
    const render::Shares shares = render::shares_of(database, fit->size, room.pods, fit->held_back);
    const PodHolds share{{"app", {shares.pool_size, shares.reserve_pool_size}}};
    std::map<std::string, bool> settled;
    for (const PodFacts& pod : before.pods) {
      if (!is_live(pod)) continue;
      if (dice(8) == 0) return;    // the operator is killed
      if (dice(6) == 0) continue;  // it cannot be reached
      PodFacts& real =
          *std::find_if(facts_.pods.begin(), facts_.pods.end(), [&](const auto& p) { return p.uid == pod.uid; });
      real.may_hold = render::larger(*real.may_hold, share);
      render::PodHold& hold = held_.at(pod.uid);
      // Growth comes true at once, connections above the share close when they are released.
      hold.size = std::max(hold.size, shares.pool_size);
      hold.reserve = std::max(hold.reserve, shares.reserve_pool_size);
      if (dice(3) == 0) continue;
      hold = share.at("app");
      real.may_hold = share;
      settled[pod.uid] = true;
    }
    Facts now = before;
    now.advice.sizes["app"] = advice;
    for (PodFacts& pod : now.pods) {
      for (const PodFacts& real : facts_.pods) {
        if (real.uid == pod.uid) pod.may_hold = real.may_hold;
      }
    }
    for (const std::string& uid : pods_to_admit(now, share, settled)) {
      if (dice(8) == 0) return;
      for (PodFacts& real : facts_.pods) {
        if (real.uid != uid) continue;
        real.at_gate = false;
        real.may_hold = share;
        held_[uid] = share.at("app");
        ++started_;
      }
    }
  }

  std::mt19937 random_;
  std::int32_t size_;
  std::int32_t reserve_;
  Facts facts_;
  std::map<std::string, render::PodHold> held_;
  std::int32_t most_pods_ = 1;
  int serial_ = 0;
  int started_ = 0;
};

TEST(Admission, TheSumOverAllPodsNeverPassesTheSizeWhateverHappens) {
  int started = 0;
  for (std::uint32_t seed = 0; seed < 400; ++seed) {
    const std::int32_t size = 1 + static_cast<std::int32_t>(seed % 30);
    Plant plant(seed, size, static_cast<std::int32_t>(seed % 4), 1 + static_cast<std::int32_t>(seed % 3) % size);
    for (int step = 0; step < 300; ++step) {
      plant.step();
      ASSERT_LE(plant.held(), plant.allowed()) << "seed " << seed << ", step " << step;
    }
    started += plant.started();
  }
  EXPECT_GT(started, 4000) << "pods must come to start";
}

TEST(Reach, IsReadFromTheConfigurationAndFromThePod) {
  pgbouncer::ExpectedConfig config;
  config.databases = {{.name = "app", .options = {{"host", "'orders-db.shop.svc'"}, {"port", "5432"}}},
                      {.name = "reports", .options = {{"host", "fd00::1"}, {"port", "5433"}}}};
  const std::set<std::string> servers = servers_of(config);
  EXPECT_EQ(reach_text(servers), "fd00::1:5433,orders-db.shop.svc:5432");
  EXPECT_EQ(read_reach(reach_text(servers)), servers);
  EXPECT_TRUE(read_reach("").empty());
  EXPECT_EQ(read_reach(",a:1,,").size(), 1U);
}

}  // namespace
}  // namespace poolwright::reconcile

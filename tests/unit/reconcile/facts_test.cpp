#include "reconcile/facts.h"

#include <gtest/gtest.h>

namespace poolwright::reconcile {
namespace {

struct Case {
  const char* what;
  std::int32_t asked;
  std::int32_t stored;  // replicas of the Deployment
  std::size_t there;    // pods, terminating ones included
  bool rollout;
  std::int32_t slots;
};

TEST(Facts, SlotsAreThePodsThatMayHoldConnectionsAtOnce) {
  const Case cases[] = {
      {"nothing yet", 2, 0, 0, false, 2},
      {"as asked", 2, 2, 2, false, 2},
      {"a rollout is ahead", 2, 2, 2, true, 3},
      {"a rollout runs", 2, 2, 3, true, 3},
      {"surging and terminating pods overlap", 2, 2, 5, true, 5},
      {"scaled down: the old ones are still there", 1, 3, 3, false, 3},
      {"scaled down, pods not seen yet", 1, 3, 0, false, 3},
      {"scaled up: the new ones get a share before they start", 4, 2, 2, false, 4},
      {"none is asked for", 0, 0, 0, false, 1},
  };
  for (const Case& c : cases) {
    Facts facts;
    facts.pool.spec.pgbouncer.replicas = c.asked;
    facts.deployment = {.exists = c.stored > 0, .replicas = c.stored};
    facts.pods.resize(c.there);
    EXPECT_EQ(pod_slots(facts, c.rollout), c.slots) << c.what;
  }
}

TEST(Facts, APodOfAnotherTemplateIsOlder) {
  Facts facts;
  EXPECT_FALSE(has_older_pods(facts, "new"));
  facts.pods.resize(2);
  facts.pods[0].restart_hash = "new";
  facts.pods[1].restart_hash = "new";
  EXPECT_FALSE(has_older_pods(facts, "new"));
  facts.pods[1].restart_hash = "old";
  EXPECT_TRUE(has_older_pods(facts, "new"));
  facts.pods[1].restart_hash.clear();
  EXPECT_TRUE(has_older_pods(facts, "new")) << "one whose template is not known";
}

}  // namespace
}  // namespace poolwright::reconcile

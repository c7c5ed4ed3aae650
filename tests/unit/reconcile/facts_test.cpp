#include "reconcile/facts.h"

#include <gtest/gtest.h>

namespace poolwright::reconcile {
namespace {

struct Case {
  const char* what;
  std::int32_t asked;
  std::int32_t stored;  // replicas of the Deployment
  std::size_t there;    // pods that are not being deleted
  bool rollout;
  std::int32_t slots;
};

TEST(Room, SharesGoToThePodsThatRunOrWill) {
  const Case cases[] = {
      {"nothing yet", 2, 0, 0, false, 2},
      {"as asked", 2, 2, 2, false, 2},
      {"a rollout is ahead", 2, 2, 2, true, 3},
      {"a rollout runs", 2, 2, 3, true, 3},
      {"more are there than asked for", 2, 2, 5, true, 5},
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
    EXPECT_EQ(room_of(facts, api::Database{}, c.rollout).pods, c.slots) << c.what;
  }
}

Facts facts_of_two_databases() {
  Facts facts;
  facts.pool.spec.pgbouncer.replicas = 2;
  for (const char* name : {"app", "log"}) {
    api::Database database;
    database.name = name;
    database.pool_size.max = 20;
    database.reserve_pool_size = 4;
    facts.pool.spec.databases.push_back(database);
  }
  return facts;
}

TEST(Room, PodsThatStopKeepWhatTheyWereToldLast) {
  Facts facts = facts_of_two_databases();
  facts.pods = {{.name = "runs", .has_gate = true, .may_hold = render::PodHolds{{"app", {9, 1}}}},
                {.name = "stops", .terminating = true, .may_hold = render::PodHolds{{"app", {6, 2}}, {"log", {3, 0}}}},
                {.name = "stops, too", .terminating = true, .may_hold = render::PodHolds{{"app", {1, 0}}}},
                {.name = "never started", .terminating = true, .at_gate = true, .may_hold = {}}};
  const Room app = room_of(facts, facts.pool.spec.databases[0], false);
  EXPECT_EQ(app.pods, 2);
  EXPECT_EQ(app.stopping, (render::PodHold{7, 2}));
  EXPECT_EQ(app.live, std::vector<std::int32_t>{10});
  EXPECT_EQ(room_of(facts, facts.pool.spec.databases[1], false).stopping, (render::PodHold{3, 0}));
}

TEST(Room, WhatIsNotRecordedIsTheMostThatTheSpecAllows) {
  Facts facts = facts_of_two_databases();
  facts.pods = {{.name = "stops", .terminating = true}};
  EXPECT_EQ(room_of(facts, facts.pool.spec.databases[1], false).stopping, (render::PodHold{20, 4}));
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
  facts.pods[1].terminating = true;
  EXPECT_FALSE(has_older_pods(facts, "new")) << "one that stops needs no successor any more";
}

}  // namespace
}  // namespace poolwright::reconcile

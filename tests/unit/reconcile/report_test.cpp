#include "reconcile/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "unit/reconcile/pool_facts.h"

namespace poolwright::reconcile {
namespace {

using ::testing::HasSubstr;
using testing::running_pool;
using testing::words_of;

constexpr const char* kNow = "2026-01-02T03:04:05Z";
constexpr const char* kEarlier = "2026-01-01T00:00:00Z";

/// A reconcile at its end.
struct Scene {
  Facts facts = running_pool();
  Decision decision = testing::decide_now(facts);
  Plan plan;
  Outcome outcome;

  Scene() {
    ProgramReport report{.config_hash = decision.rendered->config_hash};
    for (const PodFacts& pod : facts.pods) {
      report.pods.push_back({.pod = pod.name, .version = "1.26.0", .config_hash = report.config_hash});
    }
    outcome.program = report;
  }
  api::ConnectionPoolStatus status(const api::Json& previous = api::Json::object()) const {
    return make_status(facts, {decision, plan, outcome}, previous, kNow);
  }
};

void fail_pod(Scene& scene, bool refused) {
  PodProgram& pod = scene.outcome.program->pods[1];
  pod.config_hash.clear();
  pod.problem = "it did not answer";
  pod.refused = refused;
}

struct Case {
  const char* what;
  std::function<void(Scene&)> change;
  const char* programmed;
  const char* ready;
  const char* reconciling;
  const char* stalled;
};

TEST(Report, ConditionsSayWhatIsSo) {
  const Case cases[] = {
      {"all serve", [](Scene&) {}, "True Live", "True Serving", "False Settled", "False NotStalled"},
      {"one is not ready", [](Scene& s) { s.facts.pods[0].ready = false; }, "True Live", "False PodsNotReady",
       "True PodsNotReady", "False NotStalled"},
      {"one that is ready terminates", [](Scene& s) { s.facts.pods[0].terminating = true; }, "True Live",
       "False PodsNotReady", "True PodsNotReady", "False NotStalled"},
      {"one does not answer", [](Scene& s) { fail_pod(s, false); }, "False Pending", "False NotProgrammed",
       "True NotProgrammed", "False NotStalled"},
      {"one refuses", [](Scene& s) { fail_pod(s, true); }, "False ConfigRejected", "False NotProgrammed",
       "True NotProgrammed", "False NotStalled"},
      {"no pod yet",
       [](Scene& s) {
         s.facts.pods.clear();
         s.outcome.program.reset();
       },
       "Unknown NoPods", "False PodsNotReady", "True PodsNotReady", "False NotStalled"},
      {"scaled to zero",
       [](Scene& s) {
         s.facts.pods.clear();
         s.facts.pool.spec.pgbouncer.replicas = 0;
         s.outcome.program.reset();
       },
       "True ScaledToZero", "False ScaledToZero", "False Settled", "False NotStalled"},
      {"the API server is away",
       [](Scene& s) {
         s.outcome.program.reset();
         s.outcome.error = make_error(ErrorKind::kUnavailable, "apply ConfigMap shop/orders-pool: no answer");
       },
       "Unknown NotApplied", "False NotProgrammed", "True NotProgrammed", "False NotStalled"},
      {"the API server refuses",
       [](Scene& s) {
         s.outcome.program.reset();
         s.outcome.error = make_error(ErrorKind::kInvalid, "apply Service shop/orders-pool: a quota");
       },
       "Unknown NotApplied", "False NotProgrammed", "False Settled", "True ApplyRefused"},
      {"a name is taken",
       [](Scene& s) {
         s.outcome.program.reset();
         s.plan.conflicts.push_back({.key = {"v1", "Service", "shop", "orders-pool"}, .owner = "nobody"});
       },
       "Unknown NoPods", "False NameConflict", "False Settled", "True NameConflict"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    Scene scene;
    c.change(scene);
    const auto conditions = scene.status().conditions;
    EXPECT_EQ(words_of(conditions, "Programmed"), c.programmed);
    EXPECT_EQ(words_of(conditions, "Ready"), c.ready);
    EXPECT_EQ(words_of(conditions, "Reconciling"), c.reconciling);
    EXPECT_EQ(words_of(conditions, "Stalled"), c.stalled);
    for (const api::Condition& condition : conditions) {
      EXPECT_EQ(condition.observed_generation, 7) << condition.type;
      EXPECT_FALSE(condition.message.empty()) << condition.type;
    }
  }
}

TEST(Report, NumbersAndNames) {
  Scene scene;
  scene.facts.pods[1].terminating = true;
  const auto status = scene.status();
  EXPECT_EQ(status.observed_generation, 7);
  EXPECT_EQ(status.replicas, 1) << "a terminating pod does not count for the scale";
  EXPECT_EQ(status.ready_replicas, 1);
  EXPECT_EQ(status.endpoint, "orders-pool.shop.svc:6432");
  EXPECT_EQ(status.binding_name, "orders-orders-url");
  EXPECT_EQ(status.size, 25);
  EXPECT_EQ(status.size_max, 25);
  EXPECT_EQ(status.config_hash, scene.decision.rendered->config_hash);
  ASSERT_EQ(status.pods.size(), 2U);
  EXPECT_EQ(status.pods[0].pgbouncer_version, "1.26.0");
  EXPECT_EQ(status.pods[0].config_hash, status.config_hash);
  EXPECT_FALSE(status.pods[1].ready);
  EXPECT_EQ(status.summary, "1 database, 25 server connections for up to 100 clients; 1 of 2 pods ready");
}

TEST(Report, WhyASizeIsWhatItIs) {
  Scene scene;
  EXPECT_THAT(scene.status().databases[0].size_reason, HasSubstr("initial size"));
  scene.facts.sizes["orders"] = 14;
  scene.facts.advice = *RecordedSizes().advise(scene.facts);
  scene.decision = testing::decide_now(scene.facts);
  EXPECT_EQ(scene.status().databases[0].size, 14);
  EXPECT_THAT(scene.status().databases[0].size_reason, HasSubstr("ran with before"));
  scene.facts.pool.spec.sizing.mode = api::SizingMode::kFixed;
  scene.facts.advice = *RecordedSizes().advise(scene.facts);
  scene.decision = testing::decide_now(scene.facts);
  EXPECT_THAT(scene.status().databases[0].size_reason, HasSubstr("initial size"));
}

TEST(Report, ATimeOfTransitionChangesOnlyWithTheCondition) {
  Scene scene;
  api::Json before =
      api::status_json(make_status(scene.facts, {scene.decision, scene.plan, scene.outcome}, {}, kEarlier));
  const auto same = scene.status(before);
  EXPECT_TRUE(same_status(before, api::status_json(same))) << "so that nothing is written";
  scene.facts.pods[0].ready = false;
  const auto changed = scene.status(before);
  EXPECT_FALSE(same_status(before, api::status_json(changed)));
  EXPECT_EQ(testing::condition_of(changed.conditions, "Ready").last_transition_time, kNow);
  EXPECT_EQ(testing::condition_of(changed.conditions, "Programmed").last_transition_time, kEarlier);
}

TEST(Report, ARefusedSpecLeavesWhatIsKnownAboutThePods) {
  const Scene scene;
  const api::Json before = api::status_json(scene.status());
  const Decision refused = refuse({{.path = "spec.postgres.host", .message = "must be given"}}, 8);
  const api::Json after = refused_status(refused, before, 8, "", kNow);
  EXPECT_EQ(after.at("observedGeneration"), 8);
  EXPECT_EQ(after.at("pods"), before.at("pods"));
  EXPECT_EQ(after.at("configHash"), before.at("configHash"));
  const auto conditions = api::conditions_of(after);
  EXPECT_EQ(words_of(conditions, "Accepted"), "False InvalidSpec");
  EXPECT_EQ(words_of(conditions, "Stalled"), "True InvalidSpec");
  EXPECT_EQ(words_of(conditions, "Reconciling"), "False Stalled");
  EXPECT_EQ(words_of(conditions, "Ready"), "True Serving") << "the last good state serves on";
  EXPECT_TRUE(same_status(after, refused_status(refused, after, 8, "", kNow)));
}

}  // namespace
}  // namespace poolwright::reconcile

#include "reconcile/decide.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "unit/reconcile/pool_facts.h"

namespace poolwright::reconcile {
namespace {

using testing::condition_of;
using ::testing::HasSubstr;
using testing::login_secret;
using testing::new_pool;
using ::testing::Not;
using testing::running_pool;
using testing::words_of;

struct Case {
  const char* what;
  std::function<void(Facts&)> change;
  const char* accepted;
  const char* resolved;
  const char* message;  // part of what stalls; "" where nothing does
};

void set_secret(Facts& facts, Result<api::Json> secret) {
  facts.secrets.insert_or_assign("orders-app", std::move(secret));
}

void count_instances_of_billing(Facts& facts, Result<std::int32_t> instances) {
  facts.pool.spec.databases[0].application.instances_from =
      api::WorkloadRef{.kind = api::WorkloadKind::kDeployment, .name = "billing"};
  facts.instances.emplace("orders", std::move(instances));
}

TEST(Decide, TheFirstThingThatIsWrongIsNamed) {
  const Case cases[] = {
      {"all is well", [](Facts&) {}, "True Valid", "True Resolved", ""},
      {"no Secret", [](Facts& f) { set_secret(f, make_error(ErrorKind::kNotFound, "404")); }, "True Valid",
       "False SecretNotFound",
       "spec.databases[0].credentialsSecretRef: Secret \"orders-app\" does not exist; create it with the keys "
       "password, username"},
      {"a Secret that may not be read", [](Facts& f) { set_secret(f, make_error(ErrorKind::kForbidden, "403")); },
       "True Valid", "False SecretForbidden", "grant it `get` on this Secret"},
      {"a Secret that cannot be read", [](Facts& f) { set_secret(f, make_error(ErrorKind::kInvalid, "torn")); },
       "True Valid", "False SecretUnreadable", "could not be read: torn"},
      {"half a Secret",
       [](Facts& f) {
         api::Json secret = login_secret("app", "x");
         secret["data"].erase("password");
         set_secret(f, secret);
       },
       "True Valid", "False SecretKeyMissing", "has no key \"password\"; add it"},
      {"a Secret without data",
       [](Facts& f) {
         api::Json secret = login_secret("app", "x");
         secret.erase("data");
         set_secret(f, secret);
       },
       "True Valid", "False SecretKeyMissing", "has no key \"password\""},
      {"a password that cannot be carried", [](Facts& f) { set_secret(f, login_secret("app", "s3cr3t\n")); },
       "True Valid", "False InvalidSecret", "Secret shop/orders-app: key password must not have control characters"},
      {"a workload that is not there",
       [](Facts& f) { count_instances_of_billing(f, make_error(ErrorKind::kNotFound, "Deployment billing: 404")); },
       "True Valid", "False WorkloadNotFound", "Deployment billing"},
      {"an option that this PgBouncer does not have",
       [](Facts& f) {
         f.pool.spec.pgbouncer.parameters = {{"no_such_option", "1"}};
       },
       "False InvalidSpec", "True Resolved", "no_such_option"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    Facts facts = new_pool();
    c.change(facts);
    const Decision decision = testing::decide_now(facts);
    EXPECT_EQ(words_of(decision.conditions, "Accepted"), c.accepted);
    EXPECT_EQ(words_of(decision.conditions, "ResolvedRefs"), c.resolved);
    EXPECT_THAT(decision.stalled_message, HasSubstr(c.message));
    EXPECT_THAT(decision.stalled_message, Not(HasSubstr("s3cr3t")));
    const bool is_well = std::string(c.message).empty();
    EXPECT_EQ(decision.stalled, !is_well);
    EXPECT_EQ(decision.rendered.has_value(), is_well) << "what runs stays as it is unless all is known";
    for (const api::Condition& condition : decision.conditions) EXPECT_EQ(condition.observed_generation, 7);
  }
}

TEST(Decide, WhatOnlyWatchesKeepsNoPoolFromServing) {
  const std::pair<const char*, Result<api::Json>> cases[] = {
      {"False SecretNotFound", make_error(ErrorKind::kNotFound, "404")},
      {"False SecretForbidden", make_error(ErrorKind::kForbidden, "403")},
      {"False SecretKeyMissing", api::Json{{"data", {{"password", "eA=="}}}}},
      {"True Resolved", api::Json{{"data", {{"url", "eA=="}, {"username", "eA=="}, {"password", "eA=="}}}}},
  };
  for (const auto& [resolved, secret] : cases) {
    for (const std::string field : {"spec.monitoring.redisSecretRef", "spec.postgres.observerSecretRef"}) {
      SCOPED_TRACE(resolved + (" " + field));
      Facts facts = new_pool();
      const api::SecretRef ref{.name = "watching"};
      if (field == "spec.monitoring.redisSecretRef") {
        facts.pool.spec.monitoring.redis_secret_ref = ref;
      } else {
        facts.pool.spec.postgres.observer_secret_ref = ref;
      }
      facts.secrets.emplace(ref.name, secret);
      const Decision decision = testing::decide_now(facts);
      EXPECT_FALSE(decision.stalled);
      EXPECT_TRUE(decision.rendered.has_value());
      EXPECT_EQ(words_of(decision.conditions, "ResolvedRefs"), resolved);
      const bool is_named =
          condition_of(decision.conditions, "ResolvedRefs").message.starts_with(field + ": Secret \"watching\" ");
      EXPECT_EQ(is_named, std::string(resolved) != "True Resolved");
    }
  }
}

struct SizeCase {
  const char* what;
  api::SizingMode mode;
  std::int32_t recorded;  // 0: nothing is recorded
  std::int32_t size;
};

TEST(Decide, GoesOnFromTheRecordedSize) {
  const SizeCase cases[] = {
      {"a new pool", api::SizingMode::kAuto, 0, 25},
      {"the size of before", api::SizingMode::kAuto, 14, 14},
      {"above a maximum that was lowered", api::SizingMode::kAuto, 60, 25},
      {"below a minimum that was raised", api::SizingMode::kAuto, 2, 5},
      {"a fixed size does not remember", api::SizingMode::kFixed, 14, 25},
      {"a recommendation alone changes nothing", api::SizingMode::kRecommend, 14, 14},
  };
  for (const SizeCase& c : cases) {
    Facts facts = new_pool();
    facts.pool.spec.sizing.mode = c.mode;
    if (c.recorded != 0) facts.sizes["orders"] = c.recorded;
    EXPECT_EQ(testing::decide_now(facts).rendered->databases.at(0).size, c.size) << c.what;
  }
}

TEST(Decide, APodOfAnotherTemplateTakesAShareOfItsOwn) {
  Facts facts = running_pool();
  EXPECT_EQ(testing::decide_now(facts).rendered->databases[0].share, 12) << "25 over two pods";
  facts.pods[1].restart_hash = "older";
  EXPECT_EQ(testing::decide_now(facts).rendered->databases[0].share, 8) << "and over the one that surges";
  facts.pods.pop_back();
  facts.pods.push_back(facts.pods[0]);
  facts.pods.push_back(facts.pods[0]);
  facts.pods[2].terminating = true;
  facts.pods[2].may_hold = render::PodHolds{{"orders", {12, 2}}};
  EXPECT_EQ(testing::decide_now(facts).rendered->databases[0].share, 6) << "13 over two pods: 12 are still held";
  EXPECT_EQ(testing::decide_now(facts).rendered->databases[0].reserve_share, 1);
  facts.pods[2].may_hold.reset();
  EXPECT_EQ(testing::decide_now(facts).rendered->databases[0].share, 1) << "it may hold everything";
}

TEST(Decide, NeverMoreThanIsApproved) {
  Facts facts = running_pool();
  facts.advice.sizes["orders"] = {.size = 25, .approved = 16};
  EXPECT_EQ(decide(facts, {}).rendered->databases[0].share, 6) << "16 over two pods, two of each for the reserve";
  facts.advice.sizes["orders"].approved = 3;
  facts.advice.hold_reason = "the server has no more";
  const Decision held = decide(facts, {});
  EXPECT_FALSE(held.rendered.has_value());
  EXPECT_THAT(held.stalled_message, HasSubstr("the server has no more"));
}

TEST(Decide, TooManyClientsAreAWarningOnly) {
  Facts facts = new_pool();
  count_instances_of_billing(facts, 1000);
  const Decision decision = testing::decide_now(facts);
  EXPECT_TRUE(decision.rendered.has_value());
  EXPECT_EQ(words_of(decision.conditions, "ClientLimitExceeded"), "True TooManyClients");
  EXPECT_THAT(condition_of(decision.conditions, "ClientLimitExceeded").message, HasSubstr("1000"));
  EXPECT_EQ(words_of(testing::decide_now(new_pool()).conditions, "ClientLimitExceeded"), "False WithinLimit");
}

TEST(Decide, TheSameFactsGiveTheSameObjects) {
  const Decision first = testing::decide_now(running_pool());
  const Decision second = testing::decide_now(running_pool());
  EXPECT_EQ(first.rendered->objects, second.rendered->objects);
  EXPECT_EQ(first.rendered->config_hash, second.rendered->config_hash);
}

TEST(Decide, ARefusedSpecNamesTheFirstErrors) {
  std::vector<api::FieldError> errors;
  for (int i = 0; i < 8; ++i) errors.push_back({.path = "spec.f" + std::to_string(i), .message = "must be good"});
  const Decision decision = refuse(errors, 9);
  EXPECT_FALSE(decision.rendered.has_value());
  EXPECT_EQ(words_of(decision.conditions, "Accepted"), "False InvalidSpec");
  EXPECT_EQ(decision.conditions[0].observed_generation, 9);
  EXPECT_THAT(decision.stalled_message, HasSubstr("spec.f0: must be good; spec.f1: must be good"));
  EXPECT_THAT(decision.stalled_message, HasSubstr("spec.f4: must be good; and 3 more"));
}

TEST(Decide, AConfigurationThatPgbouncerRefusedIsNotWantedAgain) {
  const Decision decision = testing::decide_now(running_pool());
  const Decision refused = refuse_config(decision, 9);
  EXPECT_FALSE(refused.rendered.has_value());
  EXPECT_TRUE(refused.config_rejected);
  EXPECT_EQ(refused.stalled_reason, "ConfigRejected");
  EXPECT_EQ(words_of(refused.conditions, "Accepted"), "True Valid") << "the spec as such is valid";
  EXPECT_EQ(words_of(refused.conditions, "Programmed"), "False ConfigRejected");
  EXPECT_EQ(condition_of(refused.conditions, "Programmed").observed_generation, 9);
}

}  // namespace
}  // namespace poolwright::reconcile

#include "run/pool_watch.h"

#include <gtest/gtest.h>

#include "base/digest.h"

namespace poolwright::run {
namespace {

/// Only passes on that it was asked: what the consoles do has tests of its own.
class SilentProgrammer final : public reconcile::PodProgrammer {
 public:
  reconcile::ProgramReport program(const reconcile::Facts&, const render::Rendered&, const CallLimits&) override {
    return {};
  }
  void watch(const reconcile::Facts&) override { ++watched; }
  void recall(const reconcile::Facts&, const reconcile::StoredObjects&) override {}
  bool was_refused(const reconcile::Facts&, const std::string&) const override { return false; }
  void forget(const std::string&, const std::string&) override { ++forgotten; }

  int watched = 0;
  int forgotten = 0;
};

Result<api::Json> secret(const std::map<std::string, std::string>& values) {
  api::Json encoded = api::Json::object();
  for (const auto& [key, value] : values) encoded[key] = base64_encode(value);
  return api::Json{{"data", encoded}};
}

reconcile::Facts orders() {
  reconcile::Facts facts;
  facts.pool.namespace_name = "shop";
  facts.pool.name = "orders";
  facts.pool.spec.postgres.host = "db";
  facts.pool.spec.databases.push_back({.name = "app"});
  facts.pool.spec.databases.front().credentials_secret_ref.name = "app";
  facts.secrets.emplace("app", secret({{"username", "app_user"}, {"password", "app-password"}}));
  return facts;
}

class PoolWatchTest : public ::testing::Test {
 protected:
  WatchTargets targets_of(const reconcile::Facts& facts, HostNames names = HostNames::kOfCluster) {
    PoolWatch watch(inner_, names);
    watch.watch(facts);
    return *watch.pools().at("shop/orders");
  }

  SilentProgrammer inner_;
};

TEST_F(PoolWatchTest, AServerIsAskedWithTheLoginThatTheResourceGivesForIt) {
  reconcile::Facts facts = orders();
  WatchTargets targets = targets_of(facts);
  EXPECT_EQ(targets.server_name, "db.shop.svc:5432");
  EXPECT_EQ(targets.server->host, "db.shop.svc") << "the operator is not in the pool's namespace";
  EXPECT_EQ(targets.server->login.user, "app_user");
  EXPECT_FALSE(targets.has_observer);

  facts.pool.spec.postgres.observer_secret_ref = api::SecretRef{.name = "watcher"};
  targets = targets_of(facts);
  EXPECT_EQ(targets.server->login.user, "app_user") << "the pool's own login looks until the observer's can be read";
  EXPECT_FALSE(targets.has_observer) << "which sees no leak and ends nobody's session";

  facts.secrets.emplace("watcher", secret({{"username", "watcher"}, {"password", "p"}}));
  targets = targets_of(facts);
  EXPECT_EQ(targets.server->login.user, "watcher");
  EXPECT_TRUE(targets.has_observer);
}

TEST_F(PoolWatchTest, OnOneMachineHostsAreFoundAsTheyAreGiven) {
  const WatchTargets targets = targets_of(orders(), HostNames::kOfMachine);
  EXPECT_EQ(targets.server->host, "db");
}

TEST_F(PoolWatchTest, WhatIsWrongWithASecretIsToldWithoutItsValue) {
  const struct {
    const char* what;
    Result<api::Json> secret;
    const char* problem;
  } cases[] = {
      {"it is not there", make_error(ErrorKind::kNotFound, "Secret app is not there"), "Secret app is not there"},
      {"without a password", secret({{"username", "very-secret"}}), "password"},
      {"without a user", secret({{"password", "very-secret"}}), "username"}};
  for (const auto& one : cases) {
    SCOPED_TRACE(one.what);
    reconcile::Facts facts = orders();
    facts.secrets.insert_or_assign("app", one.secret);
    const WatchTargets targets = targets_of(facts);
    EXPECT_FALSE(targets.server);
    EXPECT_NE(targets.server_problem.find(one.problem), std::string::npos) << targets.server_problem;
    EXPECT_EQ(targets.server_problem.find("very-secret"), std::string::npos);
  }
}

TEST_F(PoolWatchTest, CertificatesAreFilesThatStayWhileTheyHoldTheSame) {
  reconcile::Facts facts = orders();
  facts.pool.spec.postgres.tls.mode = api::TlsMode::kVerifyFull;
  facts.pool.spec.postgres.tls.ca_secret_ref = api::SecretRef{.name = "ca"};
  EXPECT_EQ(targets_of(facts).server_problem, "Secret ca has no usable key ca.crt");

  facts.secrets.insert_or_assign("ca", secret({{"ca.crt", "one"}}));
  PoolWatch watch(inner_, HostNames::kOfCluster);
  const auto path = [&] {
    watch.watch(facts);
    return watch.pools().at("shop/orders")->server->tls.root_certificate_file;
  };
  const std::string first = path();
  EXPECT_EQ(path(), first) << "the connection need not be made anew";
  facts.secrets.insert_or_assign("ca", secret({{"ca.crt", "two"}}));
  EXPECT_NE(path(), first);
}

TEST_F(PoolWatchTest, RedisIsAskedOnlyWhereThePoolNamesOne) {
  reconcile::Facts facts = orders();
  EXPECT_FALSE(targets_of(facts).redis);
  EXPECT_EQ(targets_of(facts).redis_problem, "");
  facts.pool.spec.monitoring.redis_secret_ref = api::SecretRef{.name = "redis"};
  EXPECT_EQ(targets_of(facts).redis_problem, "Secret redis has no usable key url");
  facts.secrets.insert_or_assign("redis",
                                 secret({{"url", "redis://cache:6380"}, {"password", "p"}, {"ca.crt", "pem"}}));
  const WatchTargets targets = targets_of(facts);
  ASSERT_TRUE(targets.redis);
  EXPECT_EQ(targets.redis->url.host, "cache");
  EXPECT_EQ(targets.redis->url.password.reveal(), "p");
  EXPECT_EQ(targets.redis->ca_pem, "pem");
}

TEST_F(PoolWatchTest, EveryChangeIsNoticedAndAPoolThatIsGoneIsForgotten) {
  PoolWatch watch(inner_, HostNames::kOfCluster);
  const std::uint64_t before = watch.generation();
  watch.watch(orders());
  const std::uint64_t after = watch.generation();
  EXPECT_NE(after, before);
  watch.forget("shop", "orders");
  EXPECT_NE(watch.generation(), after);
  EXPECT_TRUE(watch.pools().empty());
  EXPECT_EQ(inner_.watched, 1);
  EXPECT_EQ(inner_.forgotten, 1);
}

}  // namespace
}  // namespace poolwright::run

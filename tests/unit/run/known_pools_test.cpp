#include "run/known_pools.h"

#include <gtest/gtest.h>

#include "local/directory_store.h"
#include "unit/local/temporary_folder.h"

namespace poolwright::run {
namespace {

class KnownPoolsTest : public ::testing::Test {
 protected:
  void declare(const std::string& host) {
    const api::Json spec = {{"postgres", {{"host", host}}},
                            {"databases", {{{"name", "app"}, {"credentialsSecretRef", {{"name", "app"}}}}}}};
    const api::Json object = {{"apiVersion", api::kApiVersion},
                              {"kind", api::kKind},
                              {"metadata", {{"namespace", local::kNamespace}, {"name", "orders"}}},
                              {"spec", spec}};
    ASSERT_TRUE(store_->declare(object));
  }
  const KnownPool& orders() {
    follow_pools(*store_, {}, known_);
    return known_.at("local/orders");
  }

  local::TemporaryFolder folder_;
  std::unique_ptr<Random> random_ = make_seeded_random(5);
  std::unique_ptr<local::DirectoryStore> store_ =
      local::DirectoryStore::open(folder_.path() / "objects", *random_).value();
  KnownPools known_;
};

TEST_F(KnownPoolsTest, ASpecIsParsedOnceAChange) {
  declare("db.shop.svc");
  const auto first = orders().pool;
  ASSERT_TRUE(first);
  EXPECT_EQ(first->spec.postgres.host, "db.shop.svc");
  EXPECT_EQ(orders().pool, first) << "the very same";
  declare("other.shop.svc");
  EXPECT_EQ(orders().pool->spec.postgres.host, "other.shop.svc");
}

TEST_F(KnownPoolsTest, OfOneThatBecameInvalidTheLastGoodSpecGoesOn) {
  declare("not a host");
  EXPECT_FALSE(orders().pool) << "there was none before";
  declare("db.shop.svc");
  ASSERT_TRUE(orders().pool);
  declare("not a host");
  EXPECT_EQ(orders().pool->spec.postgres.host, "db.shop.svc");
  EXPECT_EQ(orders().object->at("spec").at("postgres").at("host"), "not a host") << "the object is the newest";
}

TEST_F(KnownPoolsTest, OneThatIsGoneStaysUntilItIsErased) {
  declare("db.shop.svc");
  EXPECT_FALSE(orders().is_gone);
  ASSERT_TRUE(store_->withdraw({api::kApiVersion, api::kKind, local::kNamespace, "orders"}));
  EXPECT_TRUE(orders().is_gone);
  EXPECT_TRUE(orders().pool) << "its pods may still run";
  declare("db.shop.svc");
  EXPECT_FALSE(orders().is_gone);
}

}  // namespace
}  // namespace poolwright::run

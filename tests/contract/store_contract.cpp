#include "contract/store_contract.h"

namespace poolwright::tests {

using api::Json;
using api::ObjectKey;

ObjectKey StoreContract::key(const std::string& kind) const {
  return {.api_version = kind == "ConnectionPool" ? "poolwright.dev/v1alpha1" : "v1",
          .kind = kind,
          .namespace_name = site_->namespace_name(),
          .name = "a"};
}

Json StoreContract::config_map(const Json& entries) const {
  return {{"apiVersion", "v1"},
          {"kind", "ConfigMap"},
          {"metadata", {{"name", "a"}, {"namespace", site_->namespace_name()}}},
          {"data", entries}};
}

TEST_P(StoreContract, WhatIsAbsentIsSaidToBe) {
  EXPECT_EQ(store().cached(key()), nullptr);
  const auto got = store().get(key(), limits());
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, ErrorKind::kNotFound);
  EXPECT_TRUE(store().remove(key(), "some-uid", limits()));
  const auto patched = store().merge_patch(key(), {{"metadata", {{"annotations", {{"x", "1"}}}}}}, limits());
  ASSERT_FALSE(patched);
  EXPECT_EQ(patched.error().kind, ErrorKind::kNotFound);
}

TEST_P(StoreContract, AnAppliedObjectIsThereWithAnIdentity) {
  const auto applied = store().apply(config_map({{"x", "1"}}), limits());
  ASSERT_TRUE(applied) << describe(applied.error());
  EXPECT_FALSE(api::metadata_string(*applied, "uid").empty());
  EXPECT_FALSE(version_of(*applied).empty());
  EXPECT_EQ(stored().at("data"), Json({{"x", "1"}}));
  site_->settle();
  ASSERT_NE(store().cached(key()), nullptr);
  EXPECT_EQ(store().cached(key())->at("data"), Json({{"x", "1"}}));
  EXPECT_EQ(store().cached_list("ConfigMap", site_->namespace_name()).size(), 1U);
}

TEST_P(StoreContract, AnApplyTakesBackWhatItNoLongerGives) {
  ASSERT_TRUE(store().apply(config_map({{"x", "1"}, {"y", "2"}}), limits()));
  ASSERT_TRUE(store().apply(config_map({{"x", "3"}}), limits()));
  EXPECT_EQ(stored().at("data"), Json({{"x", "3"}}));
}

TEST_P(StoreContract, AnApplyLeavesAloneWhatAPatchGave) {
  ASSERT_TRUE(store().apply(config_map({{"x", "1"}}), limits()));
  ASSERT_TRUE(store().merge_patch(key(), {{"metadata", {{"annotations", {{"theirs", "1"}}}}}}, limits()));
  ASSERT_TRUE(store().apply(config_map({{"x", "2"}}), limits()));
  EXPECT_EQ(api::annotation(stored(), "theirs"), "1");
  EXPECT_EQ(stored().at("data"), Json({{"x", "2"}}));
}

TEST_P(StoreContract, AnApplyPutsBackWhatAPatchChanged) {
  ASSERT_TRUE(store().apply(config_map({{"x", "1"}}), limits()));
  ASSERT_TRUE(store().merge_patch(key(), {{"data", {{"x", "drift"}}}}, limits()));
  EXPECT_EQ(stored().at("data"), Json({{"x", "drift"}}));
  ASSERT_TRUE(store().apply(config_map({{"x", "1"}}), limits()));
  EXPECT_EQ(stored().at("data"), Json({{"x", "1"}}));
}

TEST_P(StoreContract, ThePatchOfAMemberToNullTakesItAway) {
  ASSERT_TRUE(store().apply(config_map({{"x", "1"}, {"y", "2"}}), limits()));
  ASSERT_TRUE(store().merge_patch(key(), {{"data", {{"y", nullptr}}}}, limits()));
  EXPECT_EQ(stored().at("data"), Json({{"x", "1"}}));
}

TEST_P(StoreContract, TheSameApplyTwiceChangesNothing) {
  ASSERT_TRUE(store().apply(config_map({{"x", "1"}}), limits()));
  const Json before = stored();
  ASSERT_TRUE(store().apply(config_map({{"x", "1"}}), limits()));
  EXPECT_EQ(stored(), before);
  ASSERT_TRUE(store().apply(config_map({{"x", "2"}}), limits()));
  EXPECT_NE(version_of(stored()), version_of(before));
  EXPECT_EQ(api::metadata_string(stored(), "uid"), api::metadata_string(before, "uid"));
}

TEST_P(StoreContract, OnlyTheObjectThatWasMeantIsRemoved) {
  ASSERT_TRUE(store().apply(config_map({{"x", "1"}}), limits()));
  const std::string uid = api::metadata_string(stored(), "uid");
  const auto refused = store().remove(key(), "another", limits());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kConflict);
  ASSERT_TRUE(store().remove(key(), uid, limits()));
  EXPECT_FALSE(store().get(key(), limits()));
  ASSERT_TRUE(store().apply(config_map({{"x", "1"}}), limits()));
  EXPECT_NE(api::metadata_string(stored(), "uid"), uid) << "it is another object under the same name";
}

TEST_P(StoreContract, AStatusIsReplacedAndIsNoChangeOfTheSpec) {
  const Json pool = {{"apiVersion", "poolwright.dev/v1alpha1"},
                     {"kind", "ConnectionPool"},
                     {"metadata", {{"name", "a"}, {"namespace", site_->namespace_name()}}},
                     {"spec", {{"postgres", {{"host", "db"}}}}}};
  ASSERT_TRUE(store().apply(pool, limits()));
  const ObjectKey pool_key = key("ConnectionPool");
  const Json before = store().get(pool_key, limits()).value();
  ASSERT_TRUE(store().apply_status(pool_key, {{"summary", "one"}, {"size", 1}}, limits()));
  ASSERT_TRUE(store().apply_status(pool_key, {{"summary", "two"}}, limits()));
  const Json after = store().get(pool_key, limits()).value();
  EXPECT_EQ(after.at("status"), Json({{"summary", "two"}}));
  EXPECT_EQ(after.at("spec"), before.at("spec"));
  EXPECT_EQ(after.at("metadata").value("generation", 0), before.at("metadata").value("generation", 0));
}

TEST_P(StoreContract, AnObjectWithoutANameIsRefused) {
  Json nameless = config_map({{"x", "1"}});
  nameless["metadata"]["name"] = "../a";
  const auto refused = store().apply(nameless, limits());
  ASSERT_FALSE(refused);
}

}  // namespace poolwright::tests

#include "local/directory_store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "unit/local/temporary_folder.h"

namespace poolwright::local {
namespace {

using api::Json;
using api::ObjectKey;

class DirectoryStoreTest : public ::testing::Test {
 protected:
  std::unique_ptr<DirectoryStore> open() { return DirectoryStore::open(folder_.path() / "objects", *random_).value(); }
  CallLimits limits() const { return {.deadline = Deadline(clock_, Duration{1000}), .stop = {}}; }

  static ObjectKey key(const std::string& kind, const std::string& name) {
    return {kind == "ConnectionPool" ? "poolwright.dev/v1alpha1" : "v1", kind, kNamespace, name};
  }
  static Json object(const std::string& kind, const std::string& name, const std::string& owner = "") {
    Json made = {{"apiVersion", key(kind, name).api_version},
                 {"kind", kind},
                 {"metadata", {{"name", name}, {"namespace", kNamespace}}}};
    if (!owner.empty()) made["metadata"]["ownerReferences"] = {{{"uid", owner}, {"controller", true}}};
    return made;
  }
  static Json declared(const std::string& kind, const std::string& name, const Json& spec) {
    Json made = object(kind, name);
    made["spec"] = spec;
    made["metadata"]["annotations"] = {{kSourceAnnotation, name + ".yaml"}};
    return made;
  }

  TemporaryFolder folder_;
  SystemClock clock_;
  std::unique_ptr<Random> random_ = make_seeded_random(3);
};

TEST_F(DirectoryStoreTest, AnotherRunFindsWhatThisOneKept) {
  Json before;
  {
    const auto store = open();
    ASSERT_TRUE(store->declare(declared("ConnectionPool", "orders", {{"a", 1}})));
    ASSERT_TRUE(store->declare(declared("ConnectionPool", "orders", {{"a", 2}})));
    ASSERT_TRUE(store->apply_status(key("ConnectionPool", "orders"), {{"summary", "fine"}}, limits()));
    ASSERT_TRUE(store->apply(object("ConfigMap", "orders-pool"), limits()));
    before = store->get(key("ConnectionPool", "orders"), limits()).value();
    EXPECT_EQ(before.at("metadata").at("generation"), 2);
  }
  const auto store = open();
  EXPECT_EQ(store->get(key("ConnectionPool", "orders"), limits()).value(), before);
  EXPECT_NE(store->cached(key("ConfigMap", "orders-pool")), nullptr);
  ASSERT_TRUE(store->apply(object("ConfigMap", "other"), limits()));
  EXPECT_GT(std::stoll(api::metadata_string(*store->cached(key("ConfigMap", "other")), "resourceVersion")),
            std::stoll(api::metadata_string(before, "resourceVersion")));
}

TEST_F(DirectoryStoreTest, SecretsOfPeopleAndPodsAreNotKept) {
  Json secret = declared("Secret", "orders-app", nullptr);
  {
    const auto store = open();
    ASSERT_TRUE(store->declare(secret));
    ASSERT_TRUE(store->apply(object("Pod", "orders-pool"), limits()));
    ASSERT_TRUE(store->apply(object("Secret", "orders-pool-console"), limits()));
  }
  const auto store = open();
  EXPECT_EQ(store->cached(key("Secret", "orders-app")), nullptr);
  EXPECT_EQ(store->cached(key("Pod", "orders-pool")), nullptr);
  EXPECT_NE(store->cached(key("Secret", "orders-pool-console")), nullptr);
  for (const auto& file : std::filesystem::directory_iterator(folder_.path() / "objects")) {
    struct stat found {};
    ASSERT_EQ(stat(file.path().c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777U, 0600U) << file.path();
  }
}

TEST_F(DirectoryStoreTest, WhatIsWithdrawnTakesItsBelongingsAlong) {
  const auto store = open();
  ASSERT_TRUE(store->declare(declared("ConnectionPool", "orders", {{"a", 1}})));
  const std::string uid = api::metadata_string(*store->cached(key("ConnectionPool", "orders")), "uid");
  ASSERT_TRUE(store->apply(object("ConfigMap", "orders-pool", uid), limits()));
  ASSERT_TRUE(store->declare(declared("ConnectionPool", "other", {{"a", 1}})));
  const std::string other = api::metadata_string(*store->cached(key("ConnectionPool", "other")), "uid");
  ASSERT_TRUE(store->apply(object("ConfigMap", "foreign", other), limits()));
  std::vector<std::string> gone;
  store->set_on_change([&](const api::Object& before, const api::Object& after) {
    if (!after) gone.push_back(api::metadata_string(*before, "name"));
  });
  ASSERT_TRUE(store->withdraw(key("ConnectionPool", "orders")));
  EXPECT_EQ(gone, (std::vector<std::string>{"orders", "orders-pool"}));
  EXPECT_NE(store->cached(key("ConfigMap", "foreign")), nullptr);
}

TEST_F(DirectoryStoreTest, BelongingsWhoseOwnerIsGoneGoAtTheNextStart) {
  std::string uid;
  {
    const auto store = open();
    ASSERT_TRUE(store->declare(declared("ConnectionPool", "orders", {{"a", 1}})));
    uid = api::metadata_string(*store->cached(key("ConnectionPool", "orders")), "uid");
    ASSERT_TRUE(store->apply(object("ConfigMap", "orders-pool", uid), limits()));
  }
  std::filesystem::remove(folder_.path() / "objects" / "ConnectionPool.orders.json");
  EXPECT_EQ(open()->cached(key("ConfigMap", "orders-pool")), nullptr);
}

TEST_F(DirectoryStoreTest, NothingIsAppliedForAnOwnerThatIsGone) {
  const auto store = open();
  ASSERT_TRUE(store->declare(declared("ConnectionPool", "orders", {{"a", 1}})));
  const std::string uid = api::metadata_string(*store->cached(key("ConnectionPool", "orders")), "uid");
  ASSERT_TRUE(store->apply(object("ConfigMap", "orders-pool", uid), limits()));
  ASSERT_TRUE(store->withdraw(key("ConnectionPool", "orders")));
  const auto late = store->apply(object("ConfigMap", "orders-pool", uid), limits());
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind, ErrorKind::kConflict);
  EXPECT_EQ(store->cached(key("ConfigMap", "orders-pool")), nullptr);
}

TEST_F(DirectoryStoreTest, DamagedFilesAreLeftOut) {
  folder_.write("objects/ConfigMap.a.json", "{");
  folder_.write("objects/ConfigMap.b.json", "[]");
  folder_.write("objects/ConfigMap.c.json", R"({"object": {"kind": "ConfigMap"}, "applied": {}})");
  EXPECT_TRUE(open()->cached_list("ConfigMap", "").empty());
}

TEST_F(DirectoryStoreTest, NamesThatWouldLeaveTheFolderAreRefused) {
  const auto store = open();
  EXPECT_FALSE(store->declare(declared("ConnectionPool", "../../etc/passwd", {{"a", 1}})));
  EXPECT_FALSE(store->declare(declared("Connection/Pool", "a", {{"a", 1}})));
}

}  // namespace
}  // namespace poolwright::local

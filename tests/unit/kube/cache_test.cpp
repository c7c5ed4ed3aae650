#include "kube/cache.h"

#include <gtest/gtest.h>

#include <thread>

namespace poolwright::kube {
namespace {

using api::Json;
using api::Object;

const Selection kAll{.api_version = "v1", .kind = "Pod"};
const Selection kShop{.api_version = "v1", .kind = "Pod", .namespace_name = "shop"};
const Selection kOther{.api_version = "v1", .kind = "Pod", .namespace_name = "other"};

Object pod(const std::string& namespace_name, const std::string& name, const std::string& version,
           const std::string& uid = "u") {
  return std::make_shared<const Json>(
      Json{{"kind", "Pod"},
           {"metadata", {{"name", name}, {"namespace", namespace_name}, {"resourceVersion", version}, {"uid", uid}}}});
}

api::ObjectKey key(const std::string& namespace_name, const std::string& name) {
  return {"v1", "Pod", namespace_name, name};
}

TEST(Versions, AreNumbersOfAnyLength) {
  EXPECT_TRUE(is_older_version("9", "10"));
  EXPECT_FALSE(is_older_version("10", "9"));
  EXPECT_FALSE(is_older_version("10", "10"));
  EXPECT_TRUE(is_older_version("99999999999999999999", "100000000000000000000"));
  EXPECT_TRUE(is_older_version("", "1")) << "what is no version is never new enough";
  EXPECT_TRUE(is_older_version("abc", "1"));
}

TEST(Cache, KeepsWhatTheWatchBrings) {
  Cache cache;
  EXPECT_EQ(cache.get(key("shop", "a")), nullptr);
  EXPECT_EQ(cache.seen_version(key("shop", "a")), "");
  EXPECT_EQ(cache.replace(kShop, {pod("shop", "a", "1"), pod("shop", "b", "2")}, "5").size(), 2U);
  EXPECT_EQ(cache.seen_version(key("shop", "a")), "5");
  const ObjectChange change = cache.update(kShop, pod("shop", "a", "6"));
  EXPECT_EQ(api::metadata_string(*change.before, "resourceVersion"), "1");
  EXPECT_EQ(api::metadata_string(*change.after, "resourceVersion"), "6");
  EXPECT_EQ(cache.remove(kShop, *pod("shop", "b", "7")).after, nullptr);
  EXPECT_EQ(cache.seen_version(key("shop", "a")), "7");
  EXPECT_EQ(cache.removed_version(key("shop", "b")), "7");
  cache.advance(kShop, "9");
  EXPECT_EQ(cache.seen_version(key("shop", "a")), "9");
  EXPECT_EQ(cache.size(), 1U);
}

TEST(Cache, AReaderKeepsWhatItGot) {
  Cache cache;
  cache.replace(kShop, {pod("shop", "a", "1")}, "1");
  const Object before = cache.get(key("shop", "a"));
  cache.update(kShop, pod("shop", "a", "2"));
  cache.remove(kShop, *pod("shop", "a", "3"));
  EXPECT_EQ(api::metadata_string(*before, "resourceVersion"), "1");
}

TEST(Cache, AListTellsOnlyWhatDiffers) {
  Cache cache;
  cache.replace(kShop, {pod("shop", "a", "1"), pod("shop", "b", "1"), pod("shop", "c", "1")}, "1");
  const auto changes = cache.replace(kShop, {pod("shop", "a", "1"), pod("shop", "b", "2"), pod("shop", "d", "2")}, "2");
  std::string said;
  for (const ObjectChange& change : changes) {
    said += (change.after ? (change.before ? "~" : "+") : "-") + api::metadata_string(change.object(), "name");
  }
  EXPECT_EQ(said, "-c~b+d");
}

TEST(Cache, AnotherObjectOfTheSameNameIsAChange) {
  Cache cache;
  cache.replace(kShop, {pod("shop", "a", "1", "old")}, "1");
  EXPECT_EQ(cache.replace(kShop, {pod("shop", "a", "1", "new")}, "2").size(), 1U);
}

TEST(Cache, AListTouchesOnlyItsOwnSelection) {
  Cache cache;
  cache.replace(kShop, {pod("shop", "a", "1")}, "1");
  cache.replace(kOther, {pod("other", "a", "1")}, "1");
  cache.replace(kShop, {}, "2");
  EXPECT_EQ(cache.get(key("shop", "a")), nullptr);
  EXPECT_NE(cache.get(key("other", "a")), nullptr);
  EXPECT_EQ(cache.forget(kOther).size(), 1U);
  EXPECT_EQ(cache.size(), 0U);
  EXPECT_EQ(cache.seen_version(key("other", "a")), "");
}

TEST(Cache, ListsByNamespaceAndName) {
  Cache cache;
  cache.replace(kAll, {pod("shop", "b", "1"), pod("shop", "a", "1"), pod("shop-2", "c", "1"), pod("a", "z", "1")}, "1");
  const auto names = [&](const std::string& namespace_name) {
    std::string text;
    for (const Object& object : cache.list("Pod", namespace_name)) text += api::metadata_string(*object, "name");
    return text;
  };
  EXPECT_EQ(names("shop"), "ab");
  EXPECT_EQ(names(""), "zabc");
  EXPECT_EQ(names("sho"), "");
  EXPECT_TRUE(cache.list("Service", "").empty());
}

TEST(Cache, TheVersionSeenIsThatOfTheSlowestWatch) {
  Cache cache;
  cache.replace(kAll, {}, "9");
  cache.replace(kShop, {}, "10");
  EXPECT_EQ(cache.seen_version(key("shop", "a")), "9");
  EXPECT_EQ(cache.seen_version(key("elsewhere", "a")), "9");
}

TEST(Cache, TheRemovalOfWhatItDoesNotHaveIsTold) {
  Cache cache;
  const ObjectChange change = cache.remove(kShop, *pod("shop", "a", "3"));
  EXPECT_EQ(change.after, nullptr);
  EXPECT_EQ(api::metadata_string(change.object(), "name"), "a");
}

TEST(Cache, ReadersSeeOneListOrTheOther) {
  Cache cache;
  constexpr std::size_t kObjects = 50;
  const auto generation = [](const std::string& version) {
    std::vector<Object> objects;
    for (std::size_t i = 0; i < kObjects; ++i) objects.push_back(pod("shop", "p" + std::to_string(i), version));
    return objects;
  };
  cache.replace(kShop, generation("1"), "1");
  std::vector<std::jthread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        const auto objects = cache.list("Pod", "shop");
        ASSERT_EQ(objects.size(), kObjects);
        const std::string version = api::metadata_string(*objects.front(), "resourceVersion");
        for (const Object& object : objects) ASSERT_EQ(api::metadata_string(*object, "resourceVersion"), version);
      }
    });
  }
  for (int version = 2; version < 100; ++version) {
    cache.replace(kShop, generation(std::to_string(version)), std::to_string(version));
  }
}

}  // namespace
}  // namespace poolwright::kube

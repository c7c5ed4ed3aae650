#include "kube/api_server_store.h"
#include "kube/ingest.h"
#include "unit/kube/kube_fixture.h"

namespace poolwright::kube {
namespace {

using api::Json;
using std::chrono::seconds;

const Selection kConfigMaps{.api_version = "v1", .kind = "ConfigMap", .namespace_name = "shop"};
const Selection kSecretsOfShop{.api_version = "v1", .kind = "Secret", .namespace_name = "shop", .metadata_only = true};

class StoreTest : public KubeFixture {
 protected:
  void SetUp() override {
    gate_.open_for_ever();
    ingest_.add(kConfigMaps);
    ingest_.add(kSecretsOfShop);
    turn();
  }
  void turn() {
    for (int i = 0; i < 6; ++i) ingest_.turn();
  }
  std::string cached_value(const std::string& name) const {
    const auto object = store_.cached(key(name));
    return object == nullptr ? "absent" : object->at("data").at("a").get<std::string>();
  }
  std::vector<std::string> listed() const {
    std::vector<std::string> names;
    for (const auto& object : store_.cached_list("ConfigMap", "shop")) {
      names.push_back(api::metadata_string(*object, "name"));
    }
    return names;
  }

  using Names = std::vector<std::string>;

  LeaderGate gate_{clock_};
  Cache cache_;
  EventRecorder events_{{.client = client_, .gate = gate_, .clock = clock_, .instance = "test"}};
  ApiServerStore store_{{.client = client_, .cache = cache_, .gate = gate_, .events = events_, .clock = clock_}};
  Ingest ingest_{{.transport = server_,
                  .cache = cache_,
                  .clock = clock_,
                  .random = *random_,
                  .on_change = [](const Selection&, const ObjectChange&) {}}};
};

TEST_F(StoreTest, ShowsItsOwnWritesBeforeTheWatchDoes) {
  ASSERT_TRUE(store_.apply(config_map("a", "1"), limits()));
  EXPECT_EQ(cache_.get(key("a")), nullptr);
  EXPECT_EQ(cached_value("a"), "1");
  EXPECT_EQ(listed(), (Names{"a"}));
  EXPECT_TRUE(store_.is_behind(key("a")));
  turn();
  EXPECT_FALSE(store_.is_behind(key("a")));
  EXPECT_EQ(cached_value("a"), "1");

  ASSERT_TRUE(store_.apply(config_map("a", "2"), limits()));
  EXPECT_EQ(cached_value("a"), "2") << "not the older one of the cache";
  turn();
  EXPECT_EQ(cached_value("a"), "2");
}

TEST_F(StoreTest, ShowsWhatOthersWroteAfterwards) {
  ASSERT_TRUE(store_.apply(config_map("a", "1"), limits()));
  ASSERT_TRUE(client_.merge_patch(key("a"), {{"data", {{"a", "theirs"}}}}, limits()));
  EXPECT_EQ(cached_value("a"), "1");
  turn();
  EXPECT_EQ(cached_value("a"), "theirs");
}

TEST_F(StoreTest, DoesNotShowWhatItDeleted) {
  const auto stored = store_.apply(config_map("a", "1"), limits());
  turn();
  ASSERT_TRUE(store_.remove(key("a"), api::metadata_string(*stored, "uid"), limits()));
  EXPECT_NE(cache_.get(key("a")), nullptr);
  EXPECT_EQ(cached_value("a"), "absent");
  EXPECT_TRUE(listed().empty());
  EXPECT_TRUE(store_.is_behind(key("a")));
  turn();
  EXPECT_FALSE(store_.is_behind(key("a")));
  ASSERT_TRUE(client_.apply(config_map("a", "again"), limits()));
  turn();
  EXPECT_EQ(cached_value("a"), "again") << "a new object of the same name is seen";
}

TEST_F(StoreTest, SeesThatItsWriteWasDeletedByAnother) {
  const auto stored = store_.apply(config_map("a", "1"), limits());
  ASSERT_TRUE(client_.remove(key("a"), api::metadata_string(*stored, "uid"), limits()));
  turn();
  EXPECT_EQ(cached_value("a"), "absent");
  EXPECT_FALSE(store_.is_behind(key("a")));
}

TEST_F(StoreTest, SeesADeletionEvenWhileAnotherWatchOfTheKindIsBehind) {
  ingest_.add({.api_version = "v1", .kind = "ConfigMap", .namespace_name = "shop", .label_selector = "app!=x"});
  turn();
  const auto stored = store_.apply(config_map("a", "1"), limits());
  turn();
  const auto again = store_.apply(config_map("a", "2"), limits());
  ASSERT_TRUE(client_.remove(key("a"), api::metadata_string(*stored, "uid"), limits()));
  turn();
  EXPECT_EQ(cached_value("a"), "absent");
}

TEST_F(StoreTest, AKeptDeletionIsStillShown) {
  Json held = config_map("a", "1");
  held["metadata"]["finalizers"] = {"example.org/hold"};
  const auto stored = store_.apply(held, limits());
  turn();
  ASSERT_TRUE(store_.remove(key("a"), api::metadata_string(*stored, "uid"), limits()));
  EXPECT_EQ(cached_value("a"), "1") << "it is still there";
  turn();
  EXPECT_FALSE(api::metadata_string(*store_.cached(key("a")), "deletionTimestamp").empty());
}

TEST_F(StoreTest, AnOwnWriteOfAKindThatNobodyWatchesIsNotShown) {
  const Json account = {
      {"apiVersion", "v1"}, {"kind", "ServiceAccount"}, {"metadata", {{"name", "pool"}, {"namespace", "shop"}}}};
  ASSERT_TRUE(store_.apply(account, limits()));
  EXPECT_EQ(store_.cached(api::key_of(account)), nullptr) << "what others do to it would never be seen";
}

TEST_F(StoreTest, AnOwnWriteThatNeverComesBackIsForgotten) {
  ASSERT_TRUE(store_.apply(config_map("a", "1"), limits()));
  server_.cut_watches(make_error(ErrorKind::kUnavailable, "cut"));
  clock_.advance(ApiServerStore::kOverlayAge + seconds{1});
  EXPECT_FALSE(store_.is_behind(key("a")));
  EXPECT_EQ(cached_value("a"), "absent");
}

TEST_F(StoreTest, ValuesOfSecretsAreNotKept) {
  const Json secret = {{"apiVersion", "v1"},
                       {"kind", "Secret"},
                       {"metadata", {{"name", "login"}, {"namespace", "shop"}}},
                       {"stringData", {{"password", "hunter2"}}}};
  const auto stored = store_.apply(secret, limits());
  ASSERT_TRUE(stored);
  EXPECT_TRUE(stored->contains("data")) << "the caller gets what was stored";
  const auto before = store_.cached(api::key_of(secret));
  ASSERT_NE(before, nullptr);
  EXPECT_FALSE(before->contains("data"));
  turn();
  const auto after = store_.cached(api::key_of(secret));
  ASSERT_NE(after, nullptr);
  EXPECT_FALSE(after->contains("data"));
  EXPECT_EQ(before->at("metadata").at("resourceVersion"), after->at("metadata").at("resourceVersion"));
}

TEST_F(StoreTest, NothingIsWrittenThroughAClosedGate) {
  ASSERT_TRUE(store_.apply(config_map("a", "1"), limits()));
  gate_.close();
  const auto writes = server_.requests(Method::kPatch) + server_.requests(Method::kDelete);
  EXPECT_EQ(store_.apply(config_map("a", "2"), limits()).error().kind, ErrorKind::kUnavailable);
  EXPECT_FALSE(store_.apply_status(key("a"), {}, limits()));
  EXPECT_FALSE(store_.merge_patch(key("a"), {}, limits()));
  EXPECT_FALSE(store_.remove(key("a"), "u", limits()));
  EXPECT_EQ(server_.requests(Method::kPatch) + server_.requests(Method::kDelete), writes);
  EXPECT_TRUE(store_.get(key("a"), limits())) << "reading is no effect";
}

TEST_F(StoreTest, PatchesAndStatusesAreShownToo) {
  ASSERT_TRUE(store_.apply(config_map("a", "1"), limits()));
  ASSERT_TRUE(store_.merge_patch(key("a"), {{"metadata", {{"annotations", {{"hash", "x"}}}}}}, limits()));
  EXPECT_EQ(api::annotation(*store_.cached(key("a")), "hash"), "x");
}

}  // namespace
}  // namespace poolwright::kube

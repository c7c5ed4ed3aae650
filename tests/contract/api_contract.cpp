#include "contract/api_contract.h"

#include <algorithm>
#include <cctype>
#include <thread>

#include "kube/cache.h"
#include "kube/ingest.h"
#include "kube/listing.h"

namespace poolwright::tests {

using api::Json;
using api::ObjectKey;
using kube::Selection;

void ApiContract::SetUp() {
  transport_ = GetParam().transport();
  if (transport_ == nullptr) GTEST_SKIP() << GetParam().why_not();
  client_ = std::make_unique<kube::Client>(
      kube::ClientParts{.transport = *transport_, .clock = clock_, .random = *random_, .waiter = waiter_});
  std::string name = ::testing::UnitTest::GetInstance()->current_test_info()->name();
  name = name.substr(0, name.find('/'));
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  namespace_ = name.substr(0, 60);
  const Json made = {{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", namespace_}}}};
  const auto stored = client_->apply(made, limits());
  ASSERT_TRUE(stored) << stored.error().message;
}

Json ApiContract::config_map(const std::string& name, const Json& values) const {
  return {{"apiVersion", "v1"},
          {"kind", "ConfigMap"},
          {"metadata", {{"name", name}, {"namespace", namespace_}, {"labels", {{"app", "contract"}}}}},
          {"data", values}};
}

Json ApiContract::deployment(const std::string& name, int replicas) const {
  const Json container = {{"name", "main"}, {"image", "example.org/main:1"}};
  const Json labels = {{"app", name}};
  return {{"apiVersion", "apps/v1"},
          {"kind", "Deployment"},
          {"metadata", {{"name", name}, {"namespace", namespace_}}},
          {"spec",
           {{"replicas", replicas},
            {"selector", {{"matchLabels", labels}}},
            {"template", {{"metadata", {{"labels", labels}}}, {"spec", {{"containers", Json::array({container})}}}}}}}};
}

bool ApiContract::eventually(const std::function<bool()>& holds) {
  for (int i = 0; i < 4000; ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
  return false;
}

namespace {

std::string version_of(const Json& object) { return api::metadata_string(object, "resourceVersion"); }

TEST_P(ApiContract, AnAbsentObjectIsNotFound) {
  const auto answer = client_->get(config_map_key("absent"), limits());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::kNotFound);
  EXPECT_NE(answer.error().message.find("get ConfigMap"), std::string::npos) << answer.error().message;
}

TEST_P(ApiContract, ApplyCreatesThenChangesThenDoesNothing) {
  const auto created = client_->apply(config_map("settings", {{"a", "1"}}), limits());
  ASSERT_TRUE(created) << created.error().message;
  EXPECT_FALSE(api::metadata_string(*created, "uid").empty());
  const auto changed = client_->apply(config_map("settings", {{"a", "2"}}), limits());
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->at("data").at("a"), "2");
  EXPECT_NE(version_of(*changed), version_of(*created));
  const auto same = client_->apply(config_map("settings", {{"a", "2"}}), limits());
  ASSERT_TRUE(same);
  EXPECT_EQ(version_of(*same), version_of(*changed)) << "an apply that changes nothing is no write";
}

TEST_P(ApiContract, ApplyTakesAwayWhatItNoLongerNames) {
  ASSERT_TRUE(client_->apply(config_map("settings", {{"a", "1"}, {"b", "1"}}), limits()));
  const auto fewer = client_->apply(config_map("settings", {{"a", "1"}}), limits());
  ASSERT_TRUE(fewer);
  EXPECT_EQ(fewer->at("data"), Json({{"a", "1"}}));
}

TEST_P(ApiContract, ApplyLeavesWhatAPatchSet) {
  ASSERT_TRUE(client_->apply(config_map("settings", {{"a", "1"}}), limits()));
  const Json patch = {{"metadata", {{"annotations", {{"example.org/hash", "x"}}}}}};
  const auto patched = client_->merge_patch(config_map_key("settings"), patch, limits());
  ASSERT_TRUE(patched) << patched.error().message;
  const auto applied = client_->apply(config_map("settings", {{"a", "2"}}), limits());
  ASSERT_TRUE(applied);
  EXPECT_EQ(api::annotation(*applied, "example.org/hash"), "x");
  const Json removal = {{"metadata", {{"annotations", {{"example.org/hash", nullptr}}}}}};
  const auto cleared = client_->merge_patch(config_map_key("settings"), removal, limits());
  ASSERT_TRUE(cleared);
  EXPECT_EQ(api::annotation(*cleared, "example.org/hash"), "");
}

TEST_P(ApiContract, ApplyTakesAFieldBackFromAnotherWriter) {
  ASSERT_TRUE(client_->apply(config_map("settings", {{"a", "1"}}), limits()));
  auto object = client_->get(config_map_key("settings"), limits());
  ASSERT_TRUE(object);
  (*object)["data"]["a"] = "theirs";
  (*object)["data"]["b"] = "theirs";
  ASSERT_TRUE(client_->replace(*object, limits()));
  const auto back = client_->apply(config_map("settings", {{"a", "1"}}), limits());
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->at("data"), Json({{"a", "1"}, {"b", "theirs"}})) << "a field of theirs is left";
}

TEST_P(ApiContract, StringDataOfASecretIsStoredAsData) {
  const Json secret = {{"apiVersion", "v1"},
                       {"kind", "Secret"},
                       {"metadata", {{"name", "login"}, {"namespace", namespace_}}},
                       {"stringData", {{"password", "p"}}}};
  const auto stored = client_->apply(secret, limits());
  ASSERT_TRUE(stored) << stored.error().message;
  EXPECT_EQ(stored->at("data").at("password"), "cA==");
}

TEST_P(ApiContract, StatusAndSpecAreWrittenApart) {
  ASSERT_TRUE(client_->apply(deployment("web", 2), limits()));
  const ObjectKey key{"apps/v1", "Deployment", namespace_, "web"};
  const auto with_status = client_->apply_status(key, {{"observedGeneration", 1}, {"replicas", 2}}, limits());
  ASSERT_TRUE(with_status) << with_status.error().message;
  EXPECT_EQ(with_status->at("status").at("replicas"), 2);
  EXPECT_EQ(with_status->at("spec").at("replicas"), 2);
  EXPECT_EQ(with_status->at("metadata").at("generation"), 1) << "a status is no new generation";
  const auto scaled = client_->apply(deployment("web", 3), limits());
  ASSERT_TRUE(scaled);
  EXPECT_EQ(scaled->at("status").at("replicas"), 2) << "an apply without status leaves the status";
  EXPECT_EQ(scaled->at("metadata").at("generation"), 2);
}

TEST_P(ApiContract, TheStatusOfAnAbsentObjectIsNotFound) {
  const auto answer = client_->apply_status({"apps/v1", "Deployment", namespace_, "none"}, {{"replicas", 1}}, limits());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::kNotFound);
}

TEST_P(ApiContract, ACreateOfWhatIsThereIsRefused) {
  ASSERT_TRUE(client_->create(config_map("once", {}), limits()));
  const auto again = client_->create(config_map("once", {}), limits());
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::kAlreadyExists);
}

TEST_P(ApiContract, AReplaceOfAnOldVersionIsAConflict) {
  auto first = client_->create(config_map("shared", {{"a", "1"}}), limits());
  ASSERT_TRUE(first);
  ASSERT_TRUE(client_->apply(config_map("shared", {{"a", "2"}}), limits()) ||
              client_->merge_patch(config_map_key("shared"), {{"data", {{"a", "2"}}}}, limits()));
  (*first)["data"]["a"] = "3";
  const auto stale = client_->replace(*first, limits());
  ASSERT_FALSE(stale);
  EXPECT_EQ(stale.error().kind, ErrorKind::kConflict);
}

TEST_P(ApiContract, DeletingAsksForTheUid) {
  const auto stored = client_->apply(config_map("victim", {}), limits());
  ASSERT_TRUE(stored);
  const auto other = client_->remove(config_map_key("victim"), "00000000-0000-4000-8000-ffffffffffff", limits());
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().kind, ErrorKind::kConflict);
  const auto removed = client_->remove(config_map_key("victim"), api::metadata_string(*stored, "uid"), limits());
  ASSERT_TRUE(removed) << removed.error().message;
  EXPECT_EQ(*removed, kube::Removal::kGone);
  const auto absent = client_->remove(config_map_key("victim"), api::metadata_string(*stored, "uid"), limits());
  ASSERT_TRUE(absent) << "an absent object is what was wanted";
}

TEST_P(ApiContract, AFinalizerHoldsWhatIsDeleted) {
  Json held = config_map("held", {});
  held["metadata"]["finalizers"] = {"example.org/hold"};
  const auto stored = client_->apply(held, limits());
  ASSERT_TRUE(stored);
  const std::string uid = api::metadata_string(*stored, "uid");
  const auto removal = client_->remove(config_map_key("held"), uid, limits());
  ASSERT_TRUE(removal);
  EXPECT_EQ(*removal, kube::Removal::kStarted);
  const auto marked = client_->get(config_map_key("held"), limits());
  ASSERT_TRUE(marked);
  EXPECT_FALSE(api::metadata_string(*marked, "deletionTimestamp").empty());
  ASSERT_TRUE(client_->merge_patch(config_map_key("held"), {{"metadata", {{"finalizers", nullptr}}}}, limits()));
  EXPECT_FALSE(client_->get(config_map_key("held"), limits()));
}

TEST_P(ApiContract, AListOf2001ComesInPagesAndWhole) {
  constexpr int kObjects = 2001;
  constexpr int kWriters = 8;
  {
    std::vector<std::jthread> writers;
    for (int writer = 0; writer < kWriters; ++writer) {
      writers.emplace_back([&, writer] {
        for (int i = writer; i < kObjects; i += kWriters) {
          const auto stored = client_->apply(config_map("page-" + std::to_string(i), {}), limits());
          EXPECT_TRUE(stored) << stored.error().message;
        }
      });
    }
  }
  const Selection selection{
      .api_version = "v1", .kind = "ConfigMap", .namespace_name = namespace_, .label_selector = "app=contract"};
  const auto request = kube::list_request(selection, "");
  ASSERT_TRUE(request);
  const auto first = transport_->unary(*request, limits());
  ASSERT_TRUE(first);
  const auto page = kube::read_page(selection, first->body);
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_EQ(page->objects.size(), static_cast<std::size_t>(kube::kPageObjectsMax));
  EXPECT_FALSE(page->continue_token.empty());
  const auto all = client_->list(selection, limits());
  ASSERT_TRUE(all) << all.error().message;
  std::set<std::string> names;
  for (const Json& object : *all) names.insert(api::metadata_string(object, "name"));
  EXPECT_EQ(names.size(), static_cast<std::size_t>(kObjects));
}

TEST_P(ApiContract, AListOfMetadataHasNoValues) {
  const Json secret = {{"apiVersion", "v1"},
                       {"kind", "Secret"},
                       {"metadata", {{"name", "login"}, {"namespace", namespace_}, {"labels", {{"a", "b"}}}}},
                       {"stringData", {{"password", "hunter2"}}}};
  ASSERT_TRUE(client_->apply(secret, limits()));
  const auto listed = client_->list(
      {.api_version = "v1", .kind = "Secret", .namespace_name = namespace_, .metadata_only = true}, limits());
  ASSERT_TRUE(listed) << listed.error().message;
  ASSERT_EQ(listed->size(), 1U);
  EXPECT_EQ(api::key_of(listed->front()), (ObjectKey{"v1", "Secret", namespace_, "login"}));
  EXPECT_FALSE(listed->front().contains("data"));
  EXPECT_FALSE(listed->front()["metadata"].contains("managedFields"));
}

TEST_P(ApiContract, AnUnknownSelectorValueSelectsNothing) {
  ASSERT_TRUE(client_->apply(config_map("settings", {}), limits()));
  Selection selection{.api_version = "v1", .kind = "ConfigMap", .namespace_name = namespace_};
  selection.label_selector = "app=other";
  EXPECT_TRUE(client_->list(selection, limits()).value().empty());
  selection.label_selector = "app!=other,app=contract";
  EXPECT_EQ(client_->list(selection, limits()).value().size(), 1U);
  selection.label_selector.clear();
  selection.field_selector = "metadata.name=settings";
  EXPECT_EQ(client_->list(selection, limits()).value().size(), 1U);
}

TEST_P(ApiContract, AWatchBringsWhatHappensInOrder) {
  const Selection selection{
      .api_version = "v1", .kind = "ConfigMap", .namespace_name = namespace_, .label_selector = "app=contract"};
  ASSERT_TRUE(client_->apply(config_map("before", {}), limits()));
  Mutex mutex;
  std::vector<std::string> seen;
  kube::Cache cache;
  kube::Ingest ingest({.transport = *transport_,
                       .cache = cache,
                       .clock = clock_,
                       .random = *random_,
                       .on_change = [&](const Selection&, const kube::ObjectChange& change) {
                         const MutexLock lock(mutex);
                         seen.push_back(std::string(change.after ? (change.before ? "~" : "+") : "-") +
                                        api::metadata_string(change.object(), "name"));
                       }});
  ingest.add(selection);
  ingest.start();
  ASSERT_TRUE(ingest.await_synced(limits()));
  EXPECT_NE(cache.get(config_map_key("before")), nullptr);

  const auto stored = client_->apply(config_map("new", {}), limits());
  ASSERT_TRUE(client_->apply(config_map("new", {{"a", "1"}}), limits()));
  ASSERT_TRUE(client_->remove(config_map_key("new"), api::metadata_string(*stored, "uid"), limits()));
  const Json relabel = {{"metadata", {{"labels", {{"app", "other"}}}}}};
  ASSERT_TRUE(client_->merge_patch(config_map_key("before"), relabel, limits()));

  const std::vector<std::string> expected = {"+before", "+new", "~new", "-new", "-before"};
  EXPECT_TRUE(eventually([&] {
    const MutexLock lock(mutex);
    return seen.size() >= expected.size();
  }));
  ingest.stop();
  EXPECT_EQ(seen, expected);
  EXPECT_EQ(cache.size(), 0U);
}

}  // namespace
}  // namespace poolwright::tests

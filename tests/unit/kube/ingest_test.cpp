#include "kube/ingest.h"

#include <thread>

#include "unit/kube/kube_fixture.h"

namespace poolwright::kube {
namespace {

using api::Json;
using std::chrono::seconds;

const Selection kConfigMaps{.api_version = "v1", .kind = "ConfigMap", .namespace_name = "shop"};

class IngestTest : public KubeFixture {
 protected:
  /// Turns until nothing is asked any more; bounded, so that a hot loop fails.
  void settle() {
    int turns = 0;
    for (int quiet = 0; quiet < 3 && turns < 200; ++turns) {
      const auto asked = server_.requests(Method::kGet);
      const Duration due = ingest_.turn();
      quiet = due == Duration{0} || server_.requests(Method::kGet) != asked ? 0 : quiet + 1;
    }
    EXPECT_LT(turns, 200) << "a hot loop";
  }
  void settle_after(Duration time) {
    clock_.advance(time);
    settle();
  }
  std::string said() {
    std::string text;
    for (const std::string& word : said_) text += (text.empty() ? "" : " ") + word;
    said_.clear();
    return text;
  }
  void apply(const std::string& name, const std::string& value) {
    ASSERT_TRUE(client_.apply(config_map(name, value), limits()));
  }
  void remove(const std::string& name) {
    const std::string uid = api::metadata_string(server_.stored(key(name)), "uid");
    ASSERT_TRUE(client_.remove(key(name), uid, limits()));
  }
  std::string cached(const std::string& name) const {
    const auto object = cache_.get(key(name));
    return object == nullptr ? "absent" : object->at("data").at("a").get<std::string>();
  }

  Cache cache_;
  std::vector<std::string> said_;
  Ingest ingest_{{.transport = server_,
                  .cache = cache_,
                  .clock = clock_,
                  .random = *random_,
                  .on_change = [this](const Selection&, const ObjectChange& change) {
                    said_.push_back((change.after ? (change.before ? "~" : "+") : "-") +
                                    api::metadata_string(change.object(), "name"));
                  }}};
};

TEST_F(IngestTest, FillsTheCacheAndKeepsItFresh) {
  apply("a", "1");
  EXPECT_TRUE(ingest_.is_synced()) << "of nothing";
  ingest_.add(kConfigMaps);
  EXPECT_FALSE(ingest_.is_synced());
  settle();
  EXPECT_TRUE(ingest_.is_synced());
  EXPECT_TRUE(ingest_.is_synced(kConfigMaps));
  EXPECT_EQ(said(), "+a");
  apply("a", "2");
  apply("b", "1");
  remove("a");
  settle();
  EXPECT_EQ(said(), "~a +b -a");
  EXPECT_EQ(cached("b"), "1");
  EXPECT_EQ(server_.open_watches(), 1U);
}

TEST_F(IngestTest, SelectionsComeAndGo) {
  const Selection others{.api_version = "v1", .kind = "Secret", .namespace_name = "shop", .metadata_only = true};
  apply("a", "1");
  ingest_.add(kConfigMaps);
  ingest_.add(others);
  settle();
  EXPECT_EQ(server_.open_watches(), 2U);
  ingest_.remove(kConfigMaps);
  settle();
  EXPECT_EQ(server_.open_watches(), 1U);
  EXPECT_EQ(said(), "+a -a");
  EXPECT_EQ(cache_.size(), 0U);
  EXPECT_TRUE(ingest_.is_synced());
  EXPECT_EQ(ingest_.counts().selections, 1U);
}

TEST_F(IngestTest, RemovedAndAddedAgainBeforeAnybodyNoticed) {
  ingest_.add(kConfigMaps);
  settle();
  const auto lists = ingest_.counts().lists;
  ingest_.remove(kConfigMaps);
  ingest_.add(kConfigMaps);
  EXPECT_FALSE(ingest_.is_synced());
  settle();
  EXPECT_TRUE(ingest_.is_synced());
  EXPECT_EQ(ingest_.counts().lists, lists) << "the watch just went on";
}

TEST_F(IngestTest, ACutWatchIsResumedWithoutAList) {
  ingest_.add(kConfigMaps);
  settle();
  const auto lists = ingest_.counts().lists;
  server_.cut_watches(make_error(ErrorKind::kUnavailable, "reset"));
  apply("while-away", "1");
  settle();
  EXPECT_EQ(cached("while-away"), "absent");
  settle_after(seconds{2});
  EXPECT_EQ(cached("while-away"), "1");
  EXPECT_EQ(ingest_.counts().lists, lists);
  EXPECT_EQ(ingest_.counts().failures, 1U);
}

TEST_F(IngestTest, WhatWasDeletedInAGapIsNoticed) {
  for (const auto form : {fakes::FakeApiServer::GoneForm::kEvent, fakes::FakeApiServer::GoneForm::kStatus}) {
    apply("a", "1");
    apply("b", "1");
    ingest_.add(kConfigMaps);
    settle();
    said();
    server_.cut_watches();
    remove("a");
    server_.compact(form);
    settle_after(seconds{3});
    settle_after(seconds{3});
    EXPECT_EQ(said(), "-a");
    EXPECT_EQ(cached("b"), "1");
    EXPECT_TRUE(ingest_.is_synced());
    clock_.advance(std::chrono::minutes{3});
    ingest_.remove(kConfigMaps);
    settle();
    said();
  }
}

TEST_F(IngestTest, GarbageInTheWatchIsAnsweredByAList) {
  ingest_.add(kConfigMaps);
  settle();
  const auto lists = ingest_.counts().lists;
  server_.send_line("{\"type\":\"ADDED\",\"obj");
  settle();
  apply("a", "1");
  settle_after(seconds{2});
  EXPECT_EQ(ingest_.counts().lists, lists + 1);
  EXPECT_EQ(cached("a"), "1");
}

TEST_F(IngestTest, ASlowReaderListsAgainInsteadOfGrowing) {
  ingest_.add(kConfigMaps);
  settle();
  const auto lists = ingest_.counts().lists;
  const std::string large(1024 * 1024, 'x');
  for (int i = 0; i < 20; ++i) apply("a", large + std::to_string(i));  // nobody turns meanwhile
  settle();
  settle_after(seconds{2});
  EXPECT_EQ(ingest_.counts().lists, lists + 1);
  EXPECT_TRUE(cached("a").ends_with("19"));
}

TEST_F(IngestTest, ASilentWatchIsReplaced) {
  ingest_.add(kConfigMaps);
  settle();
  const auto watches = ingest_.counts().watches;
  server_.send_bookmarks();
  settle_after(seconds{60});
  server_.send_bookmarks();
  settle_after(seconds{60});
  EXPECT_EQ(ingest_.counts().watches, watches) << "bookmarks keep it alive";
  settle_after(seconds{90});
  settle_after(seconds{2});
  EXPECT_EQ(ingest_.counts().watches, watches + 1);
  EXPECT_EQ(server_.open_watches(), 1U) << "the old one was closed";
}

TEST_F(IngestTest, WhenTheServerDoesNotAnswerLivezConnectionsAreRenewed) {
  ingest_.add(kConfigMaps);
  settle();
  server_.interfere([](const Request& request) -> std::optional<Result<Response>> {
    if (request.path == "/livez") return make_error(ErrorKind::kUnavailable, "dead");
    return std::nullopt;
  });
  const auto watches = ingest_.counts().watches;
  for (int i = 0; i < 4; ++i) settle_after(seconds{15});
  EXPECT_EQ(server_.renewals(), 1U);
  settle_after(seconds{2});
  EXPECT_EQ(ingest_.counts().watches, watches + 1);
}

TEST_F(IngestTest, ARefusalOfLivezIsAnAnswer) {
  ingest_.add(kConfigMaps);
  settle();
  server_.interfere([](const Request& request) -> std::optional<Result<Response>> {
    if (request.path == "/livez") return Response{.status = 403, .body = "{}"};
    return std::nullopt;
  });
  for (int i = 0; i < 10; ++i) settle_after(seconds{15});
  EXPECT_EQ(server_.renewals(), 0U);
}

TEST_F(IngestTest, RefusedCredentialsAreRenewed) {
  server_.interfere([this](const Request&) -> std::optional<Result<Response>> {
    if (server_.renewals() > 0) return std::nullopt;
    return Response{.status = 401, .body = "{}"};
  });
  ingest_.add(kConfigMaps);
  settle();
  EXPECT_FALSE(ingest_.is_synced());
  settle_after(seconds{2});
  EXPECT_TRUE(ingest_.is_synced());
}

TEST_F(IngestTest, OneSelectionThatIsRefusedDoesNotHoldUpTheOthers) {
  server_.interfere([](const Request& request) -> std::optional<Result<Response>> {
    if (request.path.find("secrets") != std::string::npos) return Response{.status = 403, .body = "{}"};
    return std::nullopt;
  });
  const Selection secrets{.api_version = "v1", .kind = "Secret", .namespace_name = "shop", .metadata_only = true};
  ingest_.add(secrets);
  ingest_.add(kConfigMaps);
  settle();
  EXPECT_TRUE(ingest_.is_synced(kConfigMaps));
  EXPECT_FALSE(ingest_.is_synced(secrets));
  EXPECT_FALSE(ingest_.is_synced());
  server_.interfere(nullptr);
  settle_after(seconds{31});
  EXPECT_TRUE(ingest_.is_synced()) << "heals without a restart";
}

TEST_F(IngestTest, ListsTakeTurns) {
  std::size_t lists = 0;
  server_.interfere([&](const Request& request) -> std::optional<Result<Response>> {
    if (request.query.starts_with("limit")) ++lists;
    return std::nullopt;
  });
  for (int i = 0; i < 50; ++i) {
    ingest_.add(
        {.api_version = "v1", .kind = "Secret", .namespace_name = "n" + std::to_string(i), .metadata_only = true});
  }
  ingest_.turn();
  EXPECT_EQ(lists, Ingest::kListsInFlightMax);
  settle();
  EXPECT_EQ(lists, 50U);
  EXPECT_TRUE(ingest_.is_synced());
}

TEST_F(IngestTest, MoreSelectionsThanTheLimitAreRefused) {
  for (std::size_t i = 0; i < Ingest::kSelectionsMax + 10; ++i) {
    ingest_.add({.api_version = "v1", .kind = "Pod", .namespace_name = "n" + std::to_string(i)});
  }
  EXPECT_EQ(ingest_.counts().selections, Ingest::kSelectionsMax);
}

TEST_F(IngestTest, ATriggerMayAddSelections) {
  const Selection more{.api_version = "v1", .kind = "Secret", .namespace_name = "shop", .metadata_only = true};
  Cache cache;
  Ingest* self = nullptr;
  Ingest ingest({.transport = server_,
                 .cache = cache,
                 .clock = clock_,
                 .random = *random_,
                 .on_change = [&](const Selection&, const ObjectChange&) { self->add(more); }});
  self = &ingest;
  apply("a", "1");
  ingest.add(kConfigMaps);
  for (int i = 0; i < 6; ++i) ingest.turn();
  EXPECT_TRUE(ingest.is_synced(more));
}

TEST(IngestThread, FollowsWritersOnOtherThreads) {
  fakes::FakeApiServer server;
  const SystemClock clock;
  const auto random = make_seeded_random(1);
  ThreadWaiter waiter;
  Client client({.transport = server, .clock = clock, .random = *random, .waiter = waiter});
  Cache cache;
  std::atomic<int> changes = 0;
  Ingest ingest({.transport = server,
                 .cache = cache,
                 .clock = clock,
                 .random = *random,
                 .on_change = [&](const Selection&, const ObjectChange&) { ++changes; }});
  const CallLimits limits{Deadline(clock, seconds{60}), {}};
  ingest.start();
  ingest.add(kConfigMaps);
  ASSERT_TRUE(ingest.await_synced(limits));
  {
    std::vector<std::jthread> writers;
    for (int writer = 0; writer < 3; ++writer) {
      writers.emplace_back([&, writer] {
        for (int i = 0; i < 50; ++i) {
          const Json object = {{"apiVersion", "v1"},
                               {"kind", "ConfigMap"},
                               {"metadata", {{"name", "m" + std::to_string(writer)}, {"namespace", "shop"}}},
                               {"data", {{"i", std::to_string(i)}}}};
          EXPECT_TRUE(client.apply(object, limits));
          if (i % 10 == 0) server.cut_watches();
          if (i % 25 == 0) ingest.add({.api_version = "v1", .kind = "Pod", .namespace_name = "n" + std::to_string(i)});
        }
      });
    }
  }
  for (int i = 0; i < 4000; ++i) {
    const auto objects = cache.list("ConfigMap", "shop");
    const bool is_current = objects.size() == 3 && std::all_of(objects.begin(), objects.end(), [](const auto& object) {
                              return object->at("data").at("i") == "49";
                            });
    if (is_current) break;
    waiter.wait(Duration{5}, {});
  }
  for (const auto& object : cache.list("ConfigMap", "shop")) EXPECT_EQ(object->at("data").at("i"), "49");
  EXPECT_GT(changes, 0);
  ingest.stop();
}

}  // namespace
}  // namespace poolwright::kube

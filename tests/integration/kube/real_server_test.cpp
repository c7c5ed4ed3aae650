// What only the real API server can show: rights, validation, restarts, credentials, events, elections.
#include "integration/kube/real_server.h"

#include <gtest/gtest.h>

#include <fstream>

#include "kube/cache.h"
#include "kube/events.h"
#include "kube/ingest.h"
#include "kube/lease.h"
#include "kube/listing.h"
#include "kube/watcher.h"

namespace poolwright::tests {
namespace {

using api::Json;
using std::chrono::seconds;

const kube::Selection kConfigMaps{
    .api_version = "v1", .kind = "ConfigMap", .namespace_name = "default", .label_selector = "app=real"};

class RealServer : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!shared_lab().is_available()) GTEST_SKIP() << shared_lab().why_not();
    auto cluster = lab_cluster();
    ASSERT_TRUE(cluster) << cluster.error().message;
    cluster_ = *cluster;
    transport_ = connect(cluster_);
    client_ = std::make_unique<kube::Client>(parts(*transport_));
  }

  kube::ClientParts parts(kube::Transport& transport) {
    return {.transport = transport, .clock = system_clock(), .random = *random_, .waiter = waiter_};
  }
  static CallLimits limits(Duration time = seconds{30}) { return {Deadline(system_clock(), time), {}}; }
  static Json config_map(const std::string& name, const std::string& value) {
    return {{"apiVersion", "v1"},
            {"kind", "ConfigMap"},
            {"metadata", {{"name", name}, {"namespace", "default"}, {"labels", {{"app", "real"}}}}},
            {"data", {{"a", value}}}};
  }
  bool eventually(const std::function<bool()>& holds) {
    for (int i = 0; i < 6000; ++i) {
      if (holds()) return true;
      waiter_.wait(Duration{5}, {});
    }
    return false;
  }

  SystemRandom system_random_;
  Random* random_ = &system_random_;
  kube::ThreadWaiter waiter_;
  kube::ClusterConfig cluster_;
  std::unique_ptr<kube::CpprestTransport> transport_;
  std::unique_ptr<kube::Client> client_;
};

TEST_F(RealServer, WhatIsInvalidIsToldInItsWords) {
  Json bad = config_map("bad", "1");
  bad["metadata"]["labels"]["app"] = "not a label!";
  const auto answer = client_->apply(bad, limits());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::kInvalid);
  EXPECT_NE(answer.error().message.find("metadata.labels"), std::string::npos) << answer.error().message;
}

TEST_F(RealServer, AMissingRightIsForbidden) {
  ASSERT_EQ(shared_lab().run({"kubeconfig", "nobody", "nobody"}), 0);
  const auto cluster = kube::load_kubeconfig(shared_lab().dir() / "nobody.kubeconfig", "");
  ASSERT_TRUE(cluster);
  const auto transport = connect(*cluster);
  kube::Client nobody(parts(*transport));
  const auto answer = nobody.get({"v1", "Secret", "default", "login"}, limits());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::kForbidden);
  EXPECT_NE(answer.error().message.find("nobody"), std::string::npos) << "names who lacks the right";
}

TEST_F(RealServer, ATokenFileIsReadAgainAfterARefusal) {
  const Json account = {
      {"apiVersion", "v1"}, {"kind", "ServiceAccount"}, {"metadata", {{"name", "reader"}, {"namespace", "default"}}}};
  ASSERT_TRUE(client_->apply(account, limits()));
  kube::Request request{
      .method = kube::Method::kPost, .path = "/api/v1/namespaces/default/serviceaccounts/reader/token", .query = ""};
  request.content_type = "application/json";
  request.body = R"({"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{"expirationSeconds":600}})";
  const auto issued = transport_->unary(request, limits());
  ASSERT_TRUE(issued) << issued.error().message;
  ASSERT_EQ(issued->status, 201) << issued->body;

  const std::string file = shared_lab().dir() / "token";
  std::ofstream(file) << "not-a-token";
  kube::ClusterConfig cluster = cluster_;
  cluster.client_certificate = {};
  cluster.client_key = {};
  cluster.token.file = file;
  const auto transport = connect(cluster);
  kube::Client reader(parts(*transport));
  EXPECT_EQ(reader.get_path("/api/v1", limits()).error().kind, ErrorKind::kUnauthorized);
  std::ofstream(file) << Json::parse(issued->body).at("status").at("token").get<std::string>() << "\n";
  const auto answer = reader.get_path("/api/v1", limits());
  EXPECT_TRUE(answer) << answer.error().message;
}

TEST_F(RealServer, TheServersNameMayBeGivenApart) {
  kube::ClusterConfig cluster = cluster_;
  cluster.server_name = "kubernetes.default.svc";
  const auto transport = connect(cluster);
  kube::Client by_name(parts(*transport));
  const auto answer = by_name.get_path("/version", limits());
  EXPECT_TRUE(answer) << answer.error().message;
  cluster.server_name = "elsewhere.example.org";
  const auto wrong = connect(cluster);
  EXPECT_FALSE(wrong->unary({.method = kube::Method::kGet, .path = "/version", .query = ""}, limits()));
}

TEST_F(RealServer, RepeatedEventsAreTaken) {
  kube::LeaderGate gate(system_clock());
  gate.open_for_ever();
  kube::EventRecorder recorder({.client = *client_, .gate = gate, .clock = system_clock(), .instance = "test-0"});
  const auto about = client_->apply(config_map("eventful", "1"), limits());
  ASSERT_TRUE(about);
  recorder.note({.regarding = *about, .warning = true, .reason = "Tested", .message = "it was"});
  EXPECT_EQ(recorder.flush({}), 1U);
  const auto events =
      client_->list({.api_version = "events.k8s.io/v1", .kind = "Event", .namespace_name = "default"}, limits());
  ASSERT_TRUE(events);
  ASSERT_EQ(events->size(), 1U);
  Json repeat = events->front();
  repeat["metadata"] = {{"name", repeat["metadata"]["name"]}, {"namespace", "default"}};
  repeat["series"] = {{"count", 7}, {"lastObservedTime", format_rfc3339_micro(system_clock().wall_now())}};
  std::erase_if(repeat.get_ref<Json::object_t&>(),
                [](const auto& member) { return member.first.starts_with("deprecated"); });
  const auto counted = client_->apply(repeat, limits());
  ASSERT_TRUE(counted) << counted.error().message;
  EXPECT_EQ(counted->at("series").at("count"), 7);
}

TEST_F(RealServer, AWatchSurvivesARestartOfTheServer) {
  kube::Cache cache;
  kube::Ingest ingest({.transport = *transport_,
                       .cache = cache,
                       .clock = system_clock(),
                       .random = *random_,
                       .on_change = [](const kube::Selection&, const kube::ObjectChange&) {}});
  const auto value = [&](const std::string& name) {
    const auto object = cache.get({"v1", "ConfigMap", "default", name});
    return object == nullptr ? std::string() : object->at("data").at("a").get<std::string>();
  };
  const auto first = client_->apply(config_map("survivor", "before"), limits());
  ASSERT_TRUE(first);
  ASSERT_TRUE(client_->apply(config_map("victim", "before"), limits()));
  ingest.add(kConfigMaps);
  ingest.start();
  ASSERT_TRUE(ingest.await_synced(limits()));
  EXPECT_EQ(value("survivor"), "before");

  ASSERT_EQ(shared_lab().run({"apiserver", "kill"}), 0);
  const auto away = client_->get({"v1", "ConfigMap", "default", "survivor"}, limits(seconds{1}));
  EXPECT_FALSE(away);
  EXPECT_EQ(value("survivor"), "before") << "what was known stays readable";
  ASSERT_EQ(shared_lab().run({"apiserver", "start"}), 0);

  const auto changed = client_->apply(config_map("survivor", "after"), limits());
  ASSERT_TRUE(changed) << changed.error().message;
  const auto victim = client_->get({"v1", "ConfigMap", "default", "victim"}, limits());
  ASSERT_TRUE(victim);
  ASSERT_TRUE(
      client_->remove({"v1", "ConfigMap", "default", "victim"}, api::metadata_string(*victim, "uid"), limits()));
  EXPECT_TRUE(eventually([&] { return value("survivor") == "after" && value("victim").empty(); }));
  ingest.stop();

  // A restarted server knows nothing of the versions before its start: one of the two forms of "gone".
  kube::Watcher watcher(kConfigMaps, *random_);
  const auto inbox = std::make_shared<kube::StreamInbox>(std::size_t{1} << 20U, [] {});
  const auto stream = transport_->open(*kube::watch_request(kConfigMaps, "1", 5), inbox);
  std::string said;
  EXPECT_TRUE(eventually([&] {
    const auto arrivals = inbox->take();
    if (!arrivals.lines.empty()) said = arrivals.lines.front();
    return !said.empty();
  }));
  EXPECT_NE(said.find("\"code\":410"), std::string::npos) << said;
}

TEST_F(RealServer, ABrokenConnectionPoolRepairsItself) {
  // Sixteen connections are kept; the restart kills all of them. A write must not stumble over each in turn.
  {
    std::vector<std::jthread> callers;
    for (int i = 0; i < 32; ++i) callers.emplace_back([&] { EXPECT_TRUE(client_->get_path("/version", limits())); });
  }
  ASSERT_EQ(shared_lab().run({"apiserver", "kill"}), 0);
  ASSERT_EQ(shared_lab().run({"apiserver", "start"}), 0);
  for (int i = 0; i < 20; ++i) {
    const auto stored = client_->apply(config_map("pooled", std::to_string(i)), limits());
    EXPECT_TRUE(stored) << stored.error().message;
  }
}

/// An operator's election: own transport, own gate.
struct Candidate {
  Candidate(const kube::ClusterConfig& cluster, Random& random, const std::string& identity, kube::LeaseOptions options)
      : transport(connect(cluster)),
        client({.transport = *transport, .clock = system_clock(), .random = random, .waiter = waiter}),
        elector(client, gate, system_clock(), random, with_identity(std::move(options), identity)) {
    runner.start();
  }
  static kube::LeaseOptions with_identity(kube::LeaseOptions options, const std::string& identity) {
    options.identity = identity;
    return options;
  }

  kube::ThreadWaiter waiter;
  std::unique_ptr<kube::CpprestTransport> transport;
  kube::Client client;
  kube::LeaderGate gate{system_clock()};
  kube::LeaseElector elector;
  kube::LeaseRunner runner{elector, waiter, [](bool) {}};
};

TEST_F(RealServer, AReleasedLeaseIsTakenWithoutWaitingForItsEnd) {
  const kube::LeaseOptions options{
      .namespace_name = "default", .name = "released", .lease_duration = std::chrono::hours{1}};
  Candidate first(cluster_, *random_, "first", options);
  ASSERT_TRUE(eventually([&] { return first.gate.may_write(); }));
  Candidate second(cluster_, *random_, "second", options);
  first.runner.stop();
  EXPECT_FALSE(first.gate.may_write());
  EXPECT_TRUE(eventually([&] { return second.gate.may_write(); })) << "an hour is not waited for";
}

TEST_F(RealServer, NeverTwoLeadersWhileTheServerComesAndGoes) {
  const kube::LeaseOptions options{.namespace_name = "default",
                                   .name = "contended",
                                   .lease_duration = seconds{3},
                                   .renew_deadline = seconds{2},
                                   .retry_period = Duration{200}};
  Candidate first(cluster_, *random_, "first", options);
  Candidate second(cluster_, *random_, "second", options);
  std::atomic<int> both = 0;
  std::jthread observer([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      // Read twice: a gate that closes between the two reads was not open together with the other.
      const bool one = first.gate.may_write();
      if (one && second.gate.may_write() && first.gate.may_write()) ++both;
      waiter_.wait(Duration{1}, stop);
    }
  });
  const auto somebody_leads = [&] { return first.gate.may_write() || second.gate.may_write(); };
  ASSERT_TRUE(eventually(somebody_leads));
  ASSERT_EQ(shared_lab().run({"apiserver", "kill"}), 0);
  EXPECT_TRUE(eventually([&] { return !somebody_leads(); })) << "without renewal nobody may write";
  ASSERT_EQ(shared_lab().run({"apiserver", "start"}), 0);
  EXPECT_TRUE(eventually(somebody_leads));
  Candidate& leader = first.gate.may_write() ? first : second;
  Candidate& other = &leader == &first ? second : first;
  leader.runner.stop();
  EXPECT_TRUE(eventually([&] { return other.gate.may_write(); }));
  observer.request_stop();
  observer.join();
  EXPECT_EQ(both, 0);
}

}  // namespace
}  // namespace poolwright::tests

// The transport against servers that do what no API server should: each test is one way to misbehave.
#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "integration/kube/raw_server.h"
#include "integration/kube/real_server.h"
#include "kube/stream_inbox.h"
#include "kube/waiter.h"

namespace poolwright::tests {
namespace {

using kube::Method;
using kube::Request;
using std::chrono::seconds;

CallLimits limits(Duration time = seconds{20}) { return {Deadline(system_clock(), time), {}}; }

kube::ClusterConfig plain(const RawServer& server) {
  kube::ClusterConfig config;
  config.server = "http://127.0.0.1:" + server.port();
  return config;
}

Request get(const std::string& path = "/x") { return {.method = Method::kGet, .path = path, .query = ""}; }

Request post() {
  Request request{.method = Method::kPost, .path = "/x", .query = ""};
  request.body = "{}";
  request.content_type = "application/json";
  return request;
}

/// Everything that a stream brings until it ends.
kube::Arrivals read_to_end(kube::Transport& transport, const Request& request) {
  kube::Arrivals all;
  const auto inbox = std::make_shared<kube::StreamInbox>(std::size_t{16} << 20U, [] {});
  const auto stream = transport.open(request, inbox);
  kube::ThreadWaiter waiter;
  for (int i = 0; i < 4000 && !all.end; ++i) {
    kube::Arrivals more = inbox->take();
    if (more.status) all.status = more.status;
    all.lines.insert(all.lines.end(), more.lines.begin(), more.lines.end());
    all.end = more.end;
    if (!all.end) waiter.wait(Duration{5}, {});
  }
  return all;
}

TEST(HostileServer, APostIsSentOnceWhateverHappensToItsConnection) {
  RawServer server("close");
  const auto transport = connect(plain(server));
  const auto answer = transport->unary(post(), limits());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(server.remaining("POST"), 1);
}

TEST(HostileServer, APostNeverUsesAConnectionThatWasUsedBefore) {
  RawServer server("drop-reused");
  const auto transport = connect(plain(server));
  ASSERT_TRUE(transport->unary(get(), limits()));
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(transport->unary(post(), limits())) << "a reused connection would be dropped";
  EXPECT_EQ(server.remaining("POST"), 5);
}

TEST(HostileServer, ARequestOnAFreshConnectionWorksWherePooledOnesAreDead) {
  RawServer server("drop-reused");
  const auto transport = connect(plain(server));
  ASSERT_TRUE(transport->unary(get(), limits()));
  Request fresh = get();
  fresh.on_fresh_connection = true;
  EXPECT_TRUE(transport->unary(fresh, limits()));
}

TEST(HostileServer, WhatIsNotHttpIsAnError) {
  RawServer server("garbage");
  const auto transport = connect(plain(server));
  const auto answer = transport->unary(get(), limits());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::kUnavailable);
}

TEST(HostileServer, SilenceEndsAtTheDeadline) {
  RawServer server("stall");
  const auto transport = connect(plain(server));
  const auto answer = transport->unary(get(), limits(Duration{300}));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::kDeadlineExceeded);
}

TEST(HostileServer, ADrippingAnswerEndsAtTheDeadline) {
  // Every byte is a sign of life to the library: its own limit, 10 s of silence, would never end this.
  RawServer server("drip");
  const auto transport = connect(plain(server));
  const auto answer = transport->unary(get(), limits(Duration{500}));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::kDeadlineExceeded);
}

TEST(HostileServer, StoppingEndsARequest) {
  RawServer server("stall");
  const auto transport = connect(plain(server));
  std::stop_source stop;
  std::jthread stopper([&] {
    server.next_request();
    stop.request_stop();
  });
  const auto answer = transport->unary(get(), {Deadline(system_clock(), std::chrono::minutes{10}), stop.get_token()});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::kCancelled);
}

TEST(HostileServer, AnEndlessAnswerIsCut) {
  RawServer server("flood");
  const auto transport = connect(plain(server));
  Request request = get();
  request.response_bytes_max = std::size_t{1} << 20U;
  const auto answer = transport->unary(request, limits(seconds{60}));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::kProtocol) << answer.error().message;
}

TEST(HostileServer, RedirectsAreNotFollowed) {
  RawServer server("redirect");
  const auto transport = connect(plain(server));
  const auto answer = transport->unary(get(), limits());
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 302);
}

TEST(HostileServer, NobodyListening) {
  std::string port;
  {
    RawServer server("answer");
    port = server.port();
  }
  kube::ClusterConfig config;
  config.server = "http://127.0.0.1:" + port;
  const auto transport = connect(config);
  const auto answer = transport->unary(get(), limits());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::kUnavailable);
  const auto arrivals = read_to_end(*transport, get());
  ASSERT_TRUE(arrivals.end && !*arrivals.end);
  EXPECT_EQ(arrivals.end->error().kind, ErrorKind::kUnavailable);
}

TEST(HostileServer, AStreamIsPutTogetherFromItsPieces) {
  RawServer server("events");
  const auto transport = connect(plain(server));
  const auto arrivals = read_to_end(*transport, get());
  EXPECT_EQ(arrivals.status, 200);
  ASSERT_EQ(arrivals.lines.size(), 3U);
  EXPECT_NE(arrivals.lines[2].find("\xC3\xBC\xE2\x82\xAC"), std::string::npos);
  EXPECT_TRUE(arrivals.end && *arrivals.end);
}

TEST(HostileServer, ALineWithoutEndIsCut) {
  RawServer server("long-line");
  const auto transport = connect(plain(server));
  Request request = get();
  request.line_bytes_max = std::size_t{1} << 20U;
  const auto arrivals = read_to_end(*transport, request);
  ASSERT_TRUE(arrivals.end && !*arrivals.end);
  EXPECT_EQ(arrivals.end->error().kind, ErrorKind::kProtocol) << arrivals.end->error().message;
  EXPECT_TRUE(arrivals.lines.empty());
}

TEST(HostileServer, ASilentStreamEndsByItself) {
  RawServer server("stall");
  const auto transport = connect(plain(server), {.stream_idle = Duration{300}});
  const auto arrivals = read_to_end(*transport, get());
  ASSERT_TRUE(arrivals.end && !*arrivals.end);
}

TEST(HostileServer, ManyStreamsAreClosedQuietly) {
  RawServer server("drip");
  const auto transport = connect(plain(server));
  for (int round = 0; round < 3; ++round) {
    std::vector<std::unique_ptr<kube::Stream>> streams;
    for (int i = 0; i < 40; ++i) {
      streams.push_back(transport->open(get(), std::make_shared<kube::StreamInbox>(std::size_t{1024}, [] {})));
    }
    server.next_request();
  }
}

TEST(HostileServer, NoMoreThanSixteenRequestsAreInFlight) {
  RawServer server("stall");
  const auto transport = connect(plain(server));
  std::stop_source stop;
  {
    std::vector<std::jthread> callers;
    for (int i = 0; i < 40; ++i) {
      callers.emplace_back([&] {
        const auto answer =
            transport->unary(get(), {Deadline(system_clock(), std::chrono::minutes{10}), stop.get_token()});
        EXPECT_EQ(answer.error().kind, ErrorKind::kCancelled);
      });
    }
    for (int i = 0; i < kube::CpprestTransport::kInFlightMax; ++i) EXPECT_EQ(server.next_request(), "GET /x");
    kube::ThreadWaiter().wait(Duration{200}, {});  // time for a seventeenth
    stop.request_stop();
  }
  EXPECT_EQ(server.remaining("GET"), 0);
}

class TlsTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    std::string made = (std::filesystem::temp_directory_path() / "poolwright-tls-XXXXXX").string();
    ASSERT_NE(mkdtemp(made.data()), nullptr);
    folder = made;
    const std::string script = "tests/integration/kube/make_certificates.sh";
    char* const arguments[] = {const_cast<char*>(script.c_str()), folder.data(), nullptr};
    pid_t child = 0;
    int status = 0;
    ASSERT_EQ(posix_spawn(&child, script.c_str(), nullptr, nullptr, arguments, environ), 0);
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_EQ(status, 0);
  }
  static void TearDownTestSuite() {
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }

  /// The outcome of one request to a server with this certificate, trusting `ca`.
  static Result<kube::Response> ask(const std::string& certificate, const std::string& host = "127.0.0.1",
                                    const std::string& server_name = "", const std::string& ca = "ca") {
    const RawServer server("answer", folder + "/" + certificate);
    kube::ClusterConfig config;
    config.server = "https://" + host + ":" + server.port();
    config.server_name = server_name;
    config.ca.file = folder + "/" + ca + ".crt";
    const auto transport = connect(config);
    return transport->unary(get(), limits());
  }

  static inline std::string folder;
};

TEST_F(TlsTest, TheRightCertificateIsTaken) {
  const auto answer = ask("good");
  EXPECT_TRUE(answer) << answer.error().message;
}

TEST_F(TlsTest, ANameMayBeAskedForInsteadOfTheAddress) {
  const auto answer = ask("by-name", "127.0.0.1", "api.example.org");
  EXPECT_TRUE(answer) << answer.error().message;
  EXPECT_FALSE(ask("by-name", "127.0.0.1", "other.example.org"));
  EXPECT_FALSE(ask("by-name"));
  EXPECT_FALSE(ask("good", "localhost")) << "the address is in it, the name is not";
}

TEST_F(TlsTest, ACommonNameDoesNotCount) {
  EXPECT_FALSE(ask("common-name-only"));
  EXPECT_FALSE(ask("common-name-and-other"));
  EXPECT_FALSE(ask("name-common-name-and-other", "localhost"));
}

TEST_F(TlsTest, PartialWildcardsDoNotCount) { EXPECT_FALSE(ask("partial-wildcard", "localhost")); }

TEST_F(TlsTest, OnlyTheConfiguredAuthorityIsTrusted) {
  EXPECT_FALSE(ask("of-other-ca"));
  EXPECT_FALSE(ask("good", "127.0.0.1", "", "other-ca"));
  EXPECT_TRUE(ask("of-other-ca", "127.0.0.1", "", "other-ca"));
}

TEST_F(TlsTest, AnExpiredCertificateIsRefused) { EXPECT_FALSE(ask("expired")); }

TEST_F(TlsTest, AStreamIsAsStrict) {
  const RawServer server("events", folder + "/common-name-only");
  kube::ClusterConfig config;
  config.server = "https://127.0.0.1:" + server.port();
  config.ca.file = folder + "/ca.crt";
  const auto transport = connect(config);
  const auto arrivals = read_to_end(*transport, get());
  EXPECT_FALSE(arrivals.status);
  ASSERT_TRUE(arrivals.end && !*arrivals.end);
}

TEST_F(TlsTest, ANewAuthorityIsNoticed) {
  const std::string ca = folder + "/rotating.crt";
  std::filesystem::copy_file(folder + "/other-ca.crt", ca);
  const RawServer server("answer", folder + "/good");
  kube::ClusterConfig config;
  config.server = "https://127.0.0.1:" + server.port();
  config.ca.file = ca;
  const auto transport = connect(config, {.credentials_age_max = Duration{0}});
  EXPECT_FALSE(transport->unary(get(), limits()));
  std::filesystem::copy_file(folder + "/ca.crt", ca, std::filesystem::copy_options::overwrite_existing);
  const auto answer = transport->unary(get(), limits());
  EXPECT_TRUE(answer) << answer.error().message;
}

}  // namespace
}  // namespace poolwright::tests

// The server with its threads: clients, a publisher and certificate changes at the same time, and every way to stop.
#include "serve/server.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <thread>
#include <utility>
#include <vector>

#include "serve/review_pool.h"
#include "unit/health/examples.h"

namespace poolwright::serve {
namespace {

namespace net = boost::asio;

/// Says yes to "good" after having thought about it, and no to anything else.
class ThinkingReviewers final : public TokenReviewer, public AccessReviewer {
 public:
  Result<Identity> review(const SecretString& token) override {
    if (pause > Duration{0}) std::this_thread::sleep_for(pause);
    if (token.reveal().rfind("good", 0) == 0) return Identity{.user = token.reveal()};
    return make_error(ErrorKind::kUnauthorized, "nobody's");
  }
  Status review(const Identity&, std::string_view, std::string_view) override { return ok(); }

  Duration pause{5};
};

/// Sends text and reads until the server closes the connection.
std::string talk(std::uint16_t port, const std::string& text) {
  net::io_context io;
  net::ip::tcp::socket socket(io);
  boost::system::error_code error;
  socket.connect({net::ip::address_v4::loopback(), port}, error);
  if (!error) net::write(socket, net::buffer(text), error);
  std::string answer;
  net::read(socket, net::dynamic_buffer(answer), error);
  return answer;
}

std::string get(std::uint16_t port, const std::string& path, const std::string& token) {
  return talk(
      port, "GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer " + token + "\r\n\r\n");
}

bool is_status(const std::string& answer, const std::string& status) {
  return answer.rfind("HTTP/1.1 " + status, 0) == 0;
}

class ServerTest : public testing::Test {
 protected:
  static ServerOptions plain() { return {.address = "127.0.0.1", .port = 0, .tls = TlsSource::kOff}; }

  void publish(int second) {
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->report = monitor.update(health::examples::observations(second, 3, 4));
    mailbox.publish(std::move(snapshot));
  }

  SystemClock clock;
  Mailbox mailbox;
  ThinkingReviewers reviewers;
  ReviewingAuthenticator authenticator{reviewers, reviewers, clock};
  health::Monitor monitor;
};

TEST_F(ServerTest, ServesManyAtOnceWhileSnapshotsChange) {
  publish(0);
  Server server(plain(), mailbox, authenticator, clock);
  ASSERT_TRUE(server.start().has_value());
  std::atomic<int> good = 0;
  std::atomic<int> bad = 0;
  {
    std::vector<std::jthread> clients;
    for (int client = 0; client < 4; ++client) {
      clients.emplace_back([&, client] {
        for (int i = 0; i < 25; ++i) {
          const std::string token = (i % 2 == 0 ? "good" : "evil") + std::to_string(client * 100 + i);
          const std::string answer =
              get(server.port(), i % 3 == 0 ? "/metrics" : "/api/admin/monitoring/connections/pool", token);
          ++(is_status(answer, i % 2 == 0 ? "200" : "401") ? good : bad);
        }
      });
    }
    for (int second = 1; second < 50; ++second) publish(second);
  }
  EXPECT_EQ(good, 100);
  EXPECT_EQ(bad, 0);
  server.stop(std::chrono::seconds(1));
}

TEST_F(ServerTest, StopsWhateverIsGoingOn) {
  publish(0);
  for (int round = 0; round < 10; ++round) {
    Server server(plain(), mailbox, authenticator, clock);
    ASSERT_TRUE(server.start().has_value());
    std::vector<std::jthread> clients;
    for (int client = 0; client < 4; ++client) {
      clients.emplace_back([&server, round, client] {
        static_cast<void>(get(server.port(), "/metrics", "good" + std::to_string(round * 10 + client)));
      });
    }
    const net::ip::tcp::endpoint endpoint(net::ip::address_v4::loopback(), server.port());
    net::io_context io;
    net::ip::tcp::socket idle(io, endpoint.protocol());
    boost::system::error_code ignored;
    idle.connect(endpoint, ignored);
    server.stop(std::chrono::milliseconds(round % 3 * 20));
  }
}

/// Requests with tokens that nobody knows yet, sent ahead of the answers: each is read before the server gets to it, so
/// that whenever it stops, some have been read and not been looked at.
std::string pipelined(int client, int requests) {
  std::string text;
  for (int i = 0; i < requests; ++i) {
    text += "GET /metrics HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good" + std::to_string(client) + "-" +
            std::to_string(i) + "\r\n\r\n";
  }
  return text;
}

TEST_F(ServerTest, StopsBetweenReadingARequestAndAnsweringIt) {
  constexpr int kClients = 8;
  publish(0);
  reviewers.pause = {};
  for (int round = 0; round < 20; ++round) {
    Server server(plain(), mailbox, authenticator, clock);
    ASSERT_TRUE(server.start().has_value());
    std::atomic<int> answering = 0;
    std::vector<std::jthread> clients;
    for (int client = 0; client < kClients; ++client) {
      clients.emplace_back([&, client] {
        net::io_context io;
        net::ip::tcp::socket socket(io);
        boost::system::error_code error;
        socket.connect({net::ip::address_v4::loopback(), server.port()}, error);
        net::write(socket, net::buffer(pipelined(round * kClients + client, 100)), error);
        std::array<char, 1024> answer{};
        socket.read_some(net::buffer(answer), error);
        ++answering;
        answering.notify_one();
        while (!error) socket.read_some(net::buffer(answer), error);
      });
    }
    for (int now = 0; now < kClients; now = answering) answering.wait(now);
    server.stop(Duration{0});
  }
}

TEST_F(ServerTest, AStoppedReviewPoolTakesNoQuestion) {
  ReviewPool pool(authenticator, 1, 8);
  pool.stop();
  const bool is_asked =
      pool.ask({.token = SecretString("good"), .verb = "get", .path = "/", .on_answer = [](const auto&) {
                  ADD_FAILURE() << "nobody asks any more";
                }});
  EXPECT_FALSE(is_asked);
  pool.stop();
}

TEST_F(ServerTest, NobodyListensAfterTheEnd) {
  publish(0);
  Server server(plain(), mailbox, authenticator, clock);
  ASSERT_TRUE(server.start().has_value());
  EXPECT_TRUE(is_status(get(server.port(), "/healthz", "x"), "200"));
  server.stop(std::chrono::seconds(5));
  EXPECT_EQ(get(server.port(), "/healthz", "x"), "");
}

TEST_F(ServerTest, MayBeStoppedTwiceAndNeedNotBeStarted) {
  Server never(plain(), mailbox, authenticator, clock);
  EXPECT_EQ(never.port(), 0);
  Server server(plain(), mailbox, authenticator, clock);
  ASSERT_TRUE(server.start().has_value());
  server.stop(Duration{0});
  server.stop(Duration{0});
}

TEST_F(ServerTest, SaysWhyItCannotListen) {
  Server first(plain(), mailbox, authenticator, clock);
  ASSERT_TRUE(first.start().has_value());
  ServerOptions options = plain();
  options.port = first.port();
  Server second(options, mailbox, authenticator, clock);
  const Status taken = second.start();
  ASSERT_FALSE(taken.has_value());
  EXPECT_EQ(taken.error().kind, ErrorKind::kUnavailable);
  options.address = "localhost";
  EXPECT_EQ(Server(options, mailbox, authenticator, clock).start().error().kind, ErrorKind::kInvalid);
  options = {.address = "127.0.0.1",
             .port = 0,
             .tls = TlsSource::kFiles,
             .files = {.chain_path = "/nowhere", .key_path = "/nowhere"}};
  EXPECT_EQ(Server(options, mailbox, authenticator, clock).start().error().kind, ErrorKind::kNotFound);
}

TEST_F(ServerTest, TakesANewCertificateAndKeepsTheOldOneWhenItIsNone) {
  Server server({.address = "127.0.0.1", .port = 0, .tls = TlsSource::kSelfSigned}, mailbox, authenticator, clock);
  ASSERT_TRUE(server.start().has_value());
  const auto made = make_self_signed_certificate({}, clock.wall_now());
  EXPECT_TRUE(server.set_certificate(*made).has_value());
  EXPECT_FALSE(server.set_certificate({.chain_pem = "torn", .key_pem = made->key_pem}).has_value());
  EXPECT_EQ(talk(server.port(), "GET / HTTP/1.1\r\n\r\n").rfind("HTTP/", 0), std::string::npos) << "not without TLS";
  server.stop(Duration{0});
}

}  // namespace
}  // namespace poolwright::serve

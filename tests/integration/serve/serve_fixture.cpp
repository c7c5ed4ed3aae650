// The web server over an installation that does not exist, for tests from outside: attacks, the API's description, a
// real Prometheus, a real browser.
//
// usage: serve_fixture [pools=N] [port=N] [tls=off|own|CHAIN,KEY] [auth=static|review] [connections=N] [past=SECONDS]
//
// Prints "port N" when it answers and ends when its standard input does. auth=static: the token is
// "a-token-for-tests-only". auth=review: "reader" may read, "stranger" is known and may not, "broken" cannot be
// reviewed, "slow" is answered after 300 ms, anything else is nobody's. past: how much history there is at the start.
#include <charconv>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <map>
#include <string>
#include <thread>

#include "base/log.h"
#include "integration/serve/synthetic_load.h"
#include "serve/server.h"

namespace poolwright::serve {
namespace {

class ScriptedReviewers final : public TokenReviewer, public AccessReviewer {
 public:
  Result<Identity> review(const SecretString& token) override {
    const std::string& text = token.reveal();
    if (text == "broken") return make_error(ErrorKind::kUnavailable, "post TokenReview: connection refused");
    if (text == "slow") std::this_thread::sleep_for(std::chrono::milliseconds(300));
    if (text == "reader" || text == "stranger" || text == "slow") {
      return Identity{.user = "system:serviceaccount:monitoring:" + text};
    }
    return make_error(ErrorKind::kUnauthorized, "the API server does not know this token");
  }

  Status review(const Identity& identity, std::string_view verb, std::string_view path) override {
    if (identity.user != "system:serviceaccount:monitoring:stranger") return ok();
    return make_error(ErrorKind::kForbidden,
                      identity.user + " may not '" + std::string(verb) + "' '" + std::string(path) + "'");
  }
};

int whole(const std::string& text) {
  int number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

using Options = std::map<std::string, std::string>;

Options options_of(int count, char** arguments) {
  Options options = {{"pools", "12"},    {"port", "0"},          {"tls", "off"},
                     {"auth", "static"}, {"connections", "512"}, {"past", "60"}};
  for (int i = 1; i < count; ++i) {
    const std::string argument = arguments[i];
    const std::size_t equals = argument.find('=');
    if (equals != std::string::npos) options[argument.substr(0, equals)] = argument.substr(equals + 1);
  }
  return options;
}

ServerOptions server_options(const Options& options) {
  ServerOptions result{.address = "127.0.0.1", .port = static_cast<std::uint16_t>(whole(options.at("port")))};
  result.certificate_check = std::chrono::milliseconds(500);
  result.limits.connections_max = static_cast<std::size_t>(whole(options.at("connections")));
  const std::string& tls = options.at("tls");
  if (tls == "off") {
    result.tls = TlsSource::kOff;
  } else if (const std::size_t comma = tls.find(','); comma != std::string::npos) {
    result.tls = TlsSource::kFiles;
    result.files = {.chain_path = tls.substr(0, comma), .key_path = tls.substr(comma + 1)};
  }
  return result;
}

OperatorCounters counters() {
  OperatorCounters result{.version = "0.0.0", .commit = "fixture", .lease_name = "poolwright", .is_leader = true};
  result.reconcile.success = 120;
  result.reconcile.workers_max = 4;
  observe(result.reconcile.time_s, 0.004);
  result.queue.adds = 121;
  result.rest.requests[{.method = "GET", .status = 200, .host = "10.96.0.1:443"}] = 33;
  result.rest.seconds_by_verb.emplace("GET", make_histogram(latency_bounds()));
  result.pools[{"shop", "orders"}] = {.reloads = 4, .reload_failures = 1, .resizes_up = 3, .resizes_down = 1};
  if (auto process = read_process_counters(); process.has_value()) result.process = *process;
  return result;
}

class Feed {
 public:
  Feed(int pools, int past_s, const Clock& clock) : pools_(pools), clock_(clock) {
    constexpr int kStepSeconds = 10;
    const std::int64_t begin = unix_s() - past_s;
    for (int second = 0; second < past_s; second += kStepSeconds) {
      const MonotonicTime then = clock_.now() - std::chrono::seconds(past_s - second);
      static_cast<void>(monitor_.update(synthetic_observations(pools_, (begin + second) / 10 * 10, then)));
    }
  }

  void publish(Mailbox& mailbox) {
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->taken_at = clock_.now();
    snapshot->report = monitor_.update(synthetic_observations(pools_, unix_s(), clock_.now()));
    snapshot->counters = counters();
    snapshot->readiness = {{.name = "observed", .is_ready = true}};
    mailbox.publish(std::move(snapshot));
  }

 private:
  std::int64_t unix_s() const {
    return std::chrono::duration_cast<std::chrono::seconds>(clock_.wall_now().time_since_epoch()).count();
  }

  int pools_;
  const Clock& clock_;
  health::Monitor monitor_;
};

int run(const Options& options) {
  log_setup({.level = LogLevel::kError});
  const SystemClock clock;
  Mailbox mailbox;
  Feed feed(whole(options.at("pools")), whole(options.at("past")), clock);
  feed.publish(mailbox);
  ScriptedReviewers reviewers;
  ReviewingAuthenticator reviewing(reviewers, reviewers, clock);
  auto static_token = StaticTokenAuthenticator::create(SecretString("a-token-for-tests-only"));
  Authenticator* authenticator = &reviewing;
  if (options.at("auth") == "static") authenticator = &static_token.value();
  Server server(server_options(options), mailbox, *authenticator, clock);
  if (const Status started = server.start(); !started.has_value()) {
    std::cerr << describe(started.error()) << "\n";
    return 1;
  }
  std::cout << "port " << server.port() << std::endl;
  const std::jthread feeder([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(250));
      feed.publish(mailbox);
      std::this_thread::sleep_for(std::chrono::milliseconds(750));
    }
  });
  std::string line;
  while (std::getline(std::cin, line)) {
  }
  server.stop(std::chrono::seconds(1));
  return 0;
}

}  // namespace
}  // namespace poolwright::serve

int main(int count, char** arguments) {
  return poolwright::serve::run(poolwright::serve::options_of(count, arguments));
}

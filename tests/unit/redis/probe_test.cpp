// Against real servers: redis-server of the machine, plain and with TLS, and servers that are none.
#include "redis/probe.h"

#include <gtest/gtest.h>

#include "unit/redis/real_redis.h"

namespace poolwright::redis {
namespace {

using std::chrono::milliseconds;

ProbeOutcome probe_of(const std::string& url, const std::string& ca_pem = "", Duration limit = milliseconds(5000)) {
  const SystemClock clock;
  const Result<RedisUrl> parsed = parse_redis_url(SecretString(url));
  EXPECT_TRUE(parsed.has_value());
  return probe({.url = *parsed, .ca_pem = ca_pem}, clock, {.deadline = Deadline(clock, limit), .stop = {}});
}

std::string at(std::uint16_t port) { return "127.0.0.1:" + std::to_string(port); }

TEST(Probe, ARedisThatIsThere) {
  const RealRedis redis;
  const ProbeOutcome outcome = probe_of("redis://" + at(redis.port()));
  EXPECT_TRUE(outcome.is_available);
  EXPECT_TRUE(outcome.is_connected) << outcome.problem;
  EXPECT_EQ(outcome.problem, "");
  EXPECT_NE(outcome.version.find('.'), std::string::npos) << outcome.version;
  ASSERT_TRUE(outcome.response_ms);
  EXPECT_GT(*outcome.response_ms, 0);
}

TEST(Probe, Password) {
  const RealRedis redis({"--requirepass", "open sesame", "--user", "ada", "on", ">swordfish", "+ping", "~*"});
  EXPECT_TRUE(probe_of("redis://:open%20sesame@" + at(redis.port())).is_connected);
  const ProbeOutcome limited = probe_of("redis://ada:swordfish@" + at(redis.port()));
  EXPECT_TRUE(limited.is_connected) << limited.problem;
  EXPECT_EQ(limited.version, "") << "who may not ask INFO may be asked for nothing more";
  for (const char* credentials : {"", ":wrong@", "ada:open%20sesame@"}) {
    const ProbeOutcome outcome = probe_of("redis://" + std::string(credentials) + at(redis.port()));
    EXPECT_TRUE(outcome.is_available);
    EXPECT_FALSE(outcome.is_connected) << credentials;
    EXPECT_NE(outcome.problem.find(at(redis.port())), std::string::npos) << outcome.problem;
    EXPECT_EQ(outcome.problem.find("sesame"), std::string::npos) << outcome.problem;
    EXPECT_EQ(outcome.problem.find("wrong@"), std::string::npos) << outcome.problem;
  }
}

TEST(Probe, Database) {
  const RealRedis redis({"--databases", "4"});
  EXPECT_TRUE(probe_of("redis://" + at(redis.port()) + "/3").is_connected);
  const ProbeOutcome outcome = probe_of("redis://" + at(redis.port()) + "/4");
  EXPECT_FALSE(outcome.is_connected);
  EXPECT_NE(outcome.problem.find("SELECT: "), std::string::npos) << outcome.problem;
}

TEST(Probe, Tls) {
  const RealRedis redis({}, true);
  const ProbeOutcome outcome = probe_of("rediss://" + at(redis.port()), redis.ca_pem());
  EXPECT_TRUE(outcome.is_connected) << outcome.problem;
  EXPECT_NE(outcome.version, "");

  const ProbeOutcome untrusted = probe_of("rediss://" + at(redis.port()));
  EXPECT_TRUE(untrusted.is_available);
  EXPECT_FALSE(untrusted.is_connected);
  EXPECT_NE(untrusted.problem.find("TLS: self-signed certificate"), std::string::npos) << untrusted.problem;

  const ProbeOutcome other_name = probe_of("rediss://localhost:" + std::to_string(redis.port()), redis.ca_pem());
  EXPECT_FALSE(other_name.is_connected);
  EXPECT_NE(other_name.problem.find("hostname mismatch"), std::string::npos) << other_name.problem;

  EXPECT_FALSE(probe_of("redis://" + at(redis.port())).is_connected) << "plain words to a TLS port";
  EXPECT_FALSE(probe_of("rediss://" + at(redis.port()), "no PEM").is_connected);
}

TEST(Probe, TlsToAServerWithoutIt) {
  const RealRedis redis;
  // It waits for the end of what it takes for a command.
  EXPECT_FALSE(probe_of("rediss://" + at(redis.port()), "", milliseconds(300)).is_connected);
}

TEST(Probe, NobodyThere) {
  const ProbeOutcome outcome = probe_of("redis://" + at(free_port()));
  EXPECT_FALSE(outcome.is_available);
  EXPECT_FALSE(outcome.is_connected);
  EXPECT_FALSE(outcome.response_ms);
  EXPECT_NE(outcome.problem.find("refused"), std::string::npos) << outcome.problem;
}

TEST(Probe, SomebodyWhoNeverAnswers) {
  const SilentServer silent;
  for (const char* scheme : {"redis://", "rediss://"}) {
    const ProbeOutcome outcome = probe_of(scheme + at(silent.port()), "", milliseconds(200));
    EXPECT_TRUE(outcome.is_available);
    EXPECT_FALSE(outcome.is_connected);
    EXPECT_NE(outcome.problem.find("no answer in time"), std::string::npos) << outcome.problem;
  }
}

TEST(Probe, AStopEndsIt) {
  const SilentServer silent;
  const SystemClock clock;
  std::stop_source stop;
  stop.request_stop();
  const auto url = parse_redis_url(SecretString("redis://" + at(silent.port())));
  const ProbeOutcome outcome =
      probe({.url = *url}, clock, {.deadline = Deadline(clock, milliseconds(60000)), .stop = stop.get_token()});
  EXPECT_NE(outcome.problem.find("stopped"), std::string::npos) << outcome.problem;
}

}  // namespace
}  // namespace poolwright::redis

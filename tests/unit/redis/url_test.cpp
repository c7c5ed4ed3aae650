#include "redis/url.h"

#include <gtest/gtest.h>

namespace poolwright::redis {
namespace {

struct Good {
  const char* text;
  const char* host;
  int port;
  bool is_tls;
  const char* user;
  const char* password;
  int database;
};

TEST(RedisUrl, Good) {
  const Good cases[] = {
      {"redis://cache", "cache", 6379, false, "", "", 0},
      {"redis://cache:6380", "cache", 6380, false, "", "", 0},
      {"rediss://cache.shop.svc:6380/3", "cache.shop.svc", 6380, true, "", "", 3},
      {"redis://:secret@cache", "cache", 6379, false, "", "secret", 0},
      {"redis://ada:se%40cr%3aet@cache/", "cache", 6379, false, "ada", "se@cr:et", 0},
      {"redis://ada:a:b@c@cache", "cache", 6379, false, "ada", "a:b@c", 0},
      {"redis://ada@cache", "cache", 6379, false, "ada", "", 0},
      {"redis://[::1]", "::1", 6379, false, "", "", 0},
      {"redis://:x@[fe80::1]:7000/15", "fe80::1", 7000, false, "", "x", 15},
      {"redis://10.0.0.7", "10.0.0.7", 6379, false, "", "", 0},
  };
  for (const Good& one : cases) {
    const Result<RedisUrl> url = parse_redis_url(SecretString(one.text));
    ASSERT_TRUE(url.has_value()) << one.text << ": " << url.error().message;
    EXPECT_EQ(url->host, one.host) << one.text;
    EXPECT_EQ(url->port, one.port) << one.text;
    EXPECT_EQ(url->is_tls, one.is_tls) << one.text;
    EXPECT_EQ(url->user, one.user) << one.text;
    EXPECT_EQ(url->password.reveal(), one.password) << one.text;
    EXPECT_EQ(url->database, one.database) << one.text;
  }
}

TEST(RedisUrl, BadOnesAreRefusedWithoutBeingRepeated) {
  for (const char* text : {"",
                           "redis:/",
                           "redis://",
                           "http://sesame",
                           "redis://sesame@",
                           "redis://:sesame@:6379",
                           "redis://h:0/sesame",
                           "redis://sesame:65536",
                           "redis://sesame:-1",
                           "redis://sesame:",
                           "redis://sesame:1x",
                           "redis://sesame/x",
                           "redis://sesame/-1",
                           "redis://sesame/99999",
                           "redis://:sesame%zz@h",
                           "redis://:sesame%4@h",
                           "redis://[::1",
                           "redis://[::1]x",
                           "redis://[sesame]",
                           "redis://se same",
                           "redis://sesame\n",
                           "redis://sesame?x=1",
                           "redis://sesame#x",
                           "REDIS://sesame"}) {
    const Result<RedisUrl> url = parse_redis_url(SecretString(text));
    ASSERT_FALSE(url.has_value()) << text;
    EXPECT_EQ(url.error().kind, ErrorKind::kInvalid);
    EXPECT_EQ(url.error().message.find("sesame"), std::string::npos) << url.error().message;
    EXPECT_NE(url.error().message.find("it must be redis://"), std::string::npos);
  }
}

TEST(RedisUrl, Address) {
  EXPECT_EQ(address(*parse_redis_url(SecretString("redis://cache"))), "cache:6379");
  EXPECT_EQ(address(*parse_redis_url(SecretString("redis://:x@[::1]:1"))), "[::1]:1");
}

}  // namespace
}  // namespace poolwright::redis

#include "serve/request.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

namespace poolwright::serve {
namespace {

TEST(Target, PathsThatCanBeReadInOneWayOnly) {
  for (const char* path :
       {"/", "/metrics", "/api/admin/monitoring/connections/pool", "/a.b/c-d/e_f/~g", "/a/.b", "/..a"}) {
    const Result<Target> target = parse_target(path);
    ASSERT_TRUE(target.has_value()) << path;
    EXPECT_EQ(target->path, path);
  }
}

TEST(Target, OtherPathsAreRefused) {
  for (const char* path :
       {"",       "metrics", "//",        "//metrics", "/metrics/",       "/a//b", "/.",   "/..",  "/a/..", "/a/../b",
        "/a/./b", "/%6d",    "/a%2fb",    "/a%00",     "/a\\b",           "/a b",  "/a;b", "/a:b", "/a@b",  "/a#b",
        "/a\tb",  "/a\x7f",  "/\xc3\xa4", "*",         "http://x/metrics"}) {
    EXPECT_FALSE(parse_target(path).has_value()) << path;
  }
}

TEST(Target, Parameters) {
  const Result<Target> target = parse_target("/p?namespace=shop&pool=orders-1&x=%41%2D&empty=");
  ASSERT_TRUE(target.has_value());
  EXPECT_EQ(target->path, "/p");
  EXPECT_EQ(target->parameters.at("namespace"), "shop");
  EXPECT_EQ(target->parameters.at("x"), "A-");
  EXPECT_EQ(target->parameters.at("empty"), "");
  EXPECT_TRUE(parse_target("/p?").has_value());
  EXPECT_TRUE(parse_target("/p?a=1&").has_value());
}

TEST(Target, OtherParametersAreRefused) {
  for (const char* query : {"?a", "?=b", "?a=b&a=c", "?a=%", "?a=%4", "?a=%zz", "?a=%00", "?a=%0a", "?a=%7f", "?a=%c3",
                            "?a=b?c=d", "?a=b=c", "?a=b+c", "?a=1&&b=2", "?a=1&b=1&c=1&d=1&e=1&f=1&g=1&h=1&i=1"}) {
    EXPECT_FALSE(parse_target(std::string("/p") + query).has_value()) << query;
  }
}

TEST(Target, RandomBytesNeverMakeATargetThatIsNotCanonical) {
  const std::uint32_t seed = 7;
  std::mt19937 random(seed);
  const std::string alphabet = "/.%2eFfab?&=\\ \n;";
  for (int i = 0; i < 20000; ++i) {
    std::string text = "/";
    for (std::size_t length = random() % 12; length > 0; --length) text += alphabet[random() % alphabet.size()];
    const Result<Target> target = parse_target(text);
    if (!target.has_value()) continue;
    EXPECT_EQ(target->path.find_first_of("%\\ \n;?"), std::string::npos) << "seed " << seed << ": " << text;
    EXPECT_EQ(target->path.find("//"), std::string::npos) << "seed " << seed << ": " << text;
    EXPECT_EQ(("/" + target->path + "/").find("/../"), std::string::npos) << "seed " << seed << ": " << text;
    EXPECT_TRUE(parse_target(target->path).has_value()) << "seed " << seed << ": " << text;
  }
}

TEST(Refusal, TellsCodeReasonAndMessage) {
  const Answer answer = refusal(403, "ada may not: \xff \"quoted\"");
  EXPECT_EQ(answer.status, 403);
  const nlohmann::json body = nlohmann::json::parse(*answer.body);
  EXPECT_EQ(body["error"]["code"], 403);
  EXPECT_EQ(body["error"]["reason"], "Forbidden");
  EXPECT_NE(body["error"]["message"].get<std::string>().find("\"quoted\""), std::string::npos);
}

}  // namespace
}  // namespace poolwright::serve

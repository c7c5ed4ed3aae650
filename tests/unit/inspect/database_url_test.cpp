#include "inspect/database_url.h"

#include <gtest/gtest.h>

namespace poolwright::inspect {
namespace {

TEST(DatabaseUrl, ReadsEveryPart) {
  const auto url = parse_database_url(
      "postgresql://us%20er:p%40%2Fw@db.shop.svc:6432/orders?connection_limit=5&options=-c%20a%3Db+c");
  ASSERT_TRUE(url.has_value()) << url.error().message;
  EXPECT_EQ(url->user, "us er");
  EXPECT_EQ(url->password.reveal(), "p@/w");
  EXPECT_EQ(url->host, "db.shop.svc");
  EXPECT_EQ(url->port, 6432);
  EXPECT_EQ(url->database, "orders");
  EXPECT_EQ(url->parameter("connection_limit"), "5");
  EXPECT_EQ(url->parameter("options"), "-c a=b c") << "values are form-decoded: + is a space";
  EXPECT_EQ(url->parameter("nothing"), std::nullopt);
}

TEST(DatabaseUrl, PartsMayBeMissing) {
  const auto url = parse_database_url("postgres://db");
  ASSERT_TRUE(url.has_value()) << url.error().message;
  EXPECT_EQ(url->port, 5432);
  EXPECT_FALSE(url->has_password);
  EXPECT_TRUE(url->database.empty());
  EXPECT_EQ(parse_database_url("postgres://u@[fe80::1]:7/d")->host, "fe80::1");
  EXPECT_EQ(parse_database_url("postgres://u:a+b@h/d")->password.reveal(), "a+b") << "+ is literal in the user part";
}

TEST(DatabaseUrl, RefusesWhatClientsReadDifferently) {
  struct Case {
    const char* url;
    const char* error;
  };
  const Case cases[] = {
      {"mysql://h/d", "must start with postgresql://"},
      {"prisma://accelerate/x", "Prisma's own proxy"},
      {"jdbc:postgresql://h/d", "JDBC URL"},
      {"postgresql://u:p@ss@h/d", "character 17: there is more than one \"@\""},
      {"postgresql://u:p/w@h/d", "\"/\" of the user or password must be written %2F"},
      {"postgresql://u:p#w@h/d", "character 17: \"#\" starts a fragment"},
      {"postgresql://u:p w@h/d", "character 17: must not contain spaces"},
      {"postgresql://u:p\nw@h/d", "must not contain spaces or control"},
      {"postgresql://u:100%@h/d", "\"%\" must be followed by two hex digits"},
      {"postgresql://u:%zz@h/d", "\"%\" must be followed by two hex digits"},
      {"postgresql://u:%00@h/d", "NUL"},
      {"postgresql://u:p@/d", "the host is missing"},
      {"postgresql://u:p@a,b/d", "one host, not a list"},
      {"postgresql://u:p@%2Fvar%2Frun/d", "not a Unix socket"},
      {"postgresql://u:p@h:0/d", "port must be a number from 1 to 65535"},
      {"postgresql://u:p@h:65536/d", "port must be a number"},
      {"postgresql://u:p@h:5432x/d", "port must be a number"},
      {"postgresql://u:p@[::1/d", "no closing"},
      {"postgresql://u:p@h/d/e", "database name must not contain"},
      {"postgresql://u:p@h/d?a=1&a=2", "\"a\" is given twice"},
      {"postgresql://u:p@h/d?novalue", "name=value"},
  };
  for (const Case& c : cases) {
    const auto url = parse_database_url(c.url);
    ASSERT_FALSE(url.has_value()) << c.url;
    EXPECT_NE(url.error().message.find(c.error), std::string::npos) << c.url << " -> " << url.error().message;
  }
}

TEST(DatabaseUrl, ErrorsNeverRepeatThePassword) {
  for (const char* url :
       {"postgresql://u:hunter2%@h/d", "postgresql://u:hunter2@x@h/d", "postgresql://u:hunter2#@h/d"}) {
    EXPECT_EQ(parse_database_url(url).error().message.find("hunter2"), std::string::npos) << url;
  }
}

TEST(DatabaseUrl, LengthIsBounded) {
  EXPECT_FALSE(parse_database_url("postgresql://h/" + std::string(kUrlLimitBytes, 'a')).has_value());
}

}  // namespace
}  // namespace poolwright::inspect

#include <gtest/gtest.h>

#include <algorithm>

#include "render/hba.h"
#include "render/userlist.h"
#include "sample_pool.h"

namespace poolwright::render {
namespace {

using testing::login;

TEST(HbaText, HasTwoLinesAPairAndNothingElse) {
  EXPECT_EQ(*hba_text({{"orders", "orders_app"}, {"pgbouncer", "poolwright_admin"}}, false),
            "host \"orders\" \"orders_app\" 0.0.0.0/0 scram-sha-256\n"
            "host \"orders\" \"orders_app\" ::/0 scram-sha-256\n"
            "host \"pgbouncer\" \"poolwright_admin\" 0.0.0.0/0 scram-sha-256\n"
            "host \"pgbouncer\" \"poolwright_admin\" ::/0 scram-sha-256\n");
}

TEST(HbaText, AsksForTlsWhereItIsRequired) {
  EXPECT_EQ(*hba_text({{"a", "b"}}, true),
            "hostssl \"a\" \"b\" 0.0.0.0/0 scram-sha-256\nhostssl \"a\" \"b\" ::/0 scram-sha-256\n");
}

TEST(HbaText, QuotesKeywordsAndQuotes) {
  const std::string text = *hba_text({{"all", "all"}, {"a", "@file"}, {"b", "x\"y #,"}}, false);
  EXPECT_NE(text.find("host \"all\" \"all\" "), std::string::npos);
  EXPECT_NE(text.find("host \"a\" \"@file\" "), std::string::npos);
  EXPECT_NE(text.find("host \"b\" \"x\"\"y #,\" "), std::string::npos);
}

TEST(HbaText, RefusesLineBreaks) {
  EXPECT_FALSE(hba_text({{"a", "b\nhost all all 0.0.0.0/0 trust"}}, false));
  EXPECT_FALSE(hba_text({{"a\r", "b"}}, false));
  EXPECT_FALSE(hba_text({{"a", ""}}, false));
}

TEST(UserlistText, IsSortedAndWritesARepeatedUserOnce) {
  EXPECT_EQ(userlist_text({login("b", "2"), login("a", "1"), login("b", "2")})->reveal(), "\"a\" \"1\"\n\"b\" \"2\"\n");
}

TEST(UserlistText, RefusesAUserWithTwoPasswords) {
  const auto result = userlist_text({login("a", "first-secret"), login("a", "second-secret")});
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("\"a\" with different passwords"), std::string::npos);
  EXPECT_EQ(result.error().message.find("secret"), std::string::npos);
}

TEST(UserlistText, EveryHostilePasswordIsReadBack) {
  std::vector<Credentials> users;
  for (const std::string& text : testing::hostile_texts()) {
    users.push_back(login("user" + std::to_string(1000 + users.size()), text));
    if (text.size() < 60 && text.front() != ' ' && text.back() != ' ') users.push_back(login(text, "x"));
  }
  const auto text = userlist_text(users);
  ASSERT_TRUE(text) << text.error().message;
  const auto read = parse_userlist(*text);
  ASSERT_TRUE(read);
  std::stable_sort(users.begin(), users.end(), [](const auto& a, const auto& b) { return a.username < b.username; });
  EXPECT_TRUE(*read == users);
}

TEST(UserlistText, TheMarkerIsAUserWithoutPassword) {
  const auto read = parse_userlist(with_marker_user(*userlist_text({login("a", "1")}), "marker"));
  ASSERT_TRUE(read);
  ASSERT_EQ(read->size(), 2U);
  EXPECT_EQ(read->back().username, "marker");
  EXPECT_TRUE(read->back().password.empty());
}

TEST(ParseUserlist, StopsWherePgbouncerStops) {
  for (const char* text : {"a \"b\"\n", "\"a\n", "\"a\" b\n", "\"a\" \"b\n"}) {
    EXPECT_FALSE(parse_userlist(SecretString(text))) << text;
  }
  EXPECT_EQ(parse_userlist(SecretString("; note\n\n\"a\" \"b\" rest\n"))->size(), 1U);
}

}  // namespace
}  // namespace poolwright::render

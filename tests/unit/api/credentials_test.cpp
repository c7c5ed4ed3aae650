#include "api/credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/digest.h"

namespace poolwright::api {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

Json secret_with(const std::string& username, const std::string& password) {
  return {{"apiVersion", "v1"},
          {"kind", "Secret"},
          {"metadata", {{"namespace", "shop"}, {"name", "orders-app"}}},
          {"data", {{"username", base64_encode(username)}, {"password", base64_encode(password)}}}};
}

TEST(Credentials, GoodOnes) {
  for (const char* password :
       {"secret", "p", "it's a;b#c%d \\e=f", R"(' " \ ; # % = @ : / ? & +)", "Pässwört ☃", "md5"}) {
    EXPECT_THAT(credential_errors(secret_with("orders_app", password)), IsEmpty()) << password;
  }
  EXPECT_THAT(credential_errors(secret_with("orders app", std::string(1024, 'x'))), IsEmpty());
}

TEST(Credentials, OtherKeysAreNotLookedAt) {
  Json secret = secret_with("orders_app", "secret");
  secret["data"]["token"] = "not base64!";
  EXPECT_THAT(credential_errors(secret), IsEmpty());
}

struct BadPassword {
  std::string password;
  const char* words;
};

TEST(Credentials, BadPasswords) {
  const BadPassword cases[] = {
      {"", "must not be empty"},
      {std::string("a\0b", 3), "must not have control characters"},
      {"secret\n", "is there a line feed at its end?"},
      {"sec\tret", "must not have control characters"},
      {"sec\u0085ret", "must not have control characters"},
      {"sec\u2028ret", "must not have control characters"},
      {"\xFFsecret", "must be UTF-8"},
      {"\xEF\xBB\xBFsecret", "must not begin with a byte order mark"},
      {std::string(1025, 'x'), "must have at most 1024 bytes, got 1025"},
      {"md5" + std::string(32, 'a'), "must be the password itself"},
      {"SCRAM-SHA-256$4096:c2FsdA==$a2V5:a2V5", "must be the password itself"},
      {std::string(1024, '"'), "must have less than 2048 bytes, each double quote counted twice"},
  };
  for (const BadPassword& bad : cases) {
    const std::vector<std::string> errors = credential_errors(secret_with("orders_app", bad.password));
    ASSERT_EQ(errors.size(), 1U) << bad.words;
    EXPECT_THAT(errors[0], HasSubstr("Secret shop/orders-app: key password "));
    EXPECT_THAT(errors[0], HasSubstr(bad.words));
    if (bad.password.size() > 3) {
      EXPECT_THAT(errors[0], Not(HasSubstr(bad.password.substr(0, 6))));
    }
  }
}

TEST(Credentials, BothKeysAreTold) {
  Json secret = secret_with(std::string(64, 'u'), "");
  EXPECT_THAT(credential_errors(secret),
              ElementsAre("Secret shop/orders-app: key username must have at most 63 bytes, got 64",
                          "Secret shop/orders-app: key password must not be empty"));
  secret["data"].erase("username");
  secret["data"]["password"] = "%%%";
  EXPECT_THAT(credential_errors(secret), ElementsAre("Secret shop/orders-app: key username is missing",
                                                     "Secret shop/orders-app: key password must be base64 text"));
}

TEST(Credentials, Usernames) {
  for (const char* username : {"app", "orders app", "Bücher", "a'b\"c", "md5"}) {
    EXPECT_EQ(username_error(username), std::nullopt) << username;
  }
  for (const char* username : {"", " app", "app ", "pgbouncer", "a\nb", "\xFF"}) {
    EXPECT_NE(username_error(username), std::nullopt) << username;
  }
}

TEST(Credentials, OtherKeysCanHoldTheLogin) {
  Json secret = secret_with("app", "secret");
  EXPECT_THAT(credential_errors(secret, {.username = "admin-username", .password = "password"}),
              ElementsAre("Secret shop/orders-app: key admin-username is missing"));
  secret["data"]["admin-username"] = base64_encode("admin");
  EXPECT_THAT(credential_errors(secret, {.username = "admin-username", .password = "password"}), IsEmpty());
}

TEST(Credentials, SecretsThatAreNone) {
  Json secret = secret_with("a", "b");
  secret.erase("data");
  EXPECT_EQ(credential_errors(secret).size(), 2U);
  secret["data"] = nullptr;
  EXPECT_EQ(credential_errors(secret).size(), 2U);
  secret["data"] = {{"username", 5}, {"password", nullptr}};
  EXPECT_EQ(credential_errors(secret).size(), 2U);
  secret["data"] = Json::array();
  EXPECT_THAT(credential_errors(secret), ElementsAre("Secret shop/orders-app: data must be an object"));
  EXPECT_FALSE(credential_errors(Json("text")).empty());
}

}  // namespace
}  // namespace poolwright::api

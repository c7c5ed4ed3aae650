#include "render/credentials.h"

#include <gtest/gtest.h>

#include "base/digest.h"
#include "render/object_config.h"
#include "sample_pool.h"

namespace poolwright::render {
namespace {

using testing::login;
using namespace std::string_literals;

api::Json secret_with(const std::string& username, const std::string& password) {
  return {{"kind", "Secret"},
          {"metadata", {{"name", "orders-app"}}},
          {"data", {{"username", base64_encode(username)}, {"password", base64_encode(password)}}}};
}

TEST(CheckCredentials, TakesWhatAllReadersCanCarry) {
  for (const std::string& text : testing::hostile_texts()) {
    const Status status = check_credentials(login("user", text));
    EXPECT_TRUE(status) << text;
  }
  EXPECT_TRUE(check_credentials(login("ü ser+@:/?#%41é", "x")));
  EXPECT_TRUE(check_credentials(login("a", std::string(1024, 'p'))));
}

TEST(CheckCredentials, RefusesAndNeverShowsTheValue) {
  const Credentials refused[] = {
      login("", "x"),
      login(std::string(64, 'u'), "x"),
      login("u\nv", "x"),
      login(" u", "x"),
      login("u ", "x"),
      login("pgbouncer", "x"),
      login("u", ""),
      login("u", std::string(1025, 'p')),
      login("u", std::string(1024, '"')),
      login("u", "sekret\n"),
      login("u", "sekret\0"s),
      login("u", "\xEF\xBB\xBF\xFFsekret"),
      login("u", "md5" + std::string(32, 'a')),
      login("u", "SCRAM-SHA-256$4096:sekret"),
  };
  for (const Credentials& credentials : refused) {
    const Status status = check_credentials(credentials);
    ASSERT_FALSE(status) << credentials.username;
    EXPECT_EQ(status.error().message.find("sekret"), std::string::npos);
  }
  // Not verifiers, only similar.
  EXPECT_TRUE(check_credentials(login("u", "md5" + std::string(32, 'z'))));
  EXPECT_TRUE(check_credentials(login("u", "md5" + std::string(31, 'a'))));
}

TEST(ReadCredentials, ReadsTheTwoKeys) {
  const auto read = read_credentials(secret_with("app", "s3cr3t"));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->username, "app");
  EXPECT_EQ(read->password.reveal(), "s3cr3t");
}

TEST(ReadCredentials, NamesTheSecretAndTheMissingKey) {
  api::Json secret = secret_with("app", "x");
  secret["data"].erase("password");
  const auto read = read_credentials(secret);
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().message.find("Secret orders-app: key password is missing"), std::string::npos);
  EXPECT_FALSE(read_credentials(api::Json::object()));
  EXPECT_FALSE(read_credentials(api::Json()));
  EXPECT_FALSE(read_credentials(api::Json{{"data", "text"}}));
  EXPECT_FALSE(read_credentials(api::Json{{"data", {{"username", 1}, {"password", "eA=="}}}}));
  EXPECT_FALSE(read_credentials(api::Json{{"data", {{"username", "not base64"}, {"password", "eA=="}}}}));
}

TEST(ConsoleCredentials, AreRandomAndReadBack) {
  const auto random = make_seeded_random(7);
  const ConsoleCredentials first = generate_console_credentials(*random);
  const ConsoleCredentials second = generate_console_credentials(*random);
  EXPECT_NE(first, second);
  EXPECT_NE(first.admin.password, first.stats.password);
  EXPECT_EQ(first.admin.password.reveal().size(), 40U);
  const auto read = read_console_credentials({{"data", console_secret_data(first)}});
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, first);
}

TEST(ConsoleCredentials, TheStepsOfARotationAreReadBack) {
  const auto random = make_seeded_random(7);
  api::ConnectionPool pool;
  pool.name = "orders";
  ConsoleCredentials console = generate_console_credentials(*random);
  console.rotated_for = "2026-01-02T03:04:05Z";
  for (const bool is_under_way : {true, false}) {
    console.previous_admin_password.reset();
    if (is_under_way) console.previous_admin_password = SecretString("before");
    const auto read = read_console_credentials(console_secret(pool, console));
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, console);
  }
}

TEST(ConsoleCredentials, ADamagedSecretIsRefused) {
  const ConsoleCredentials console = generate_console_credentials(*make_seeded_random(7));
  for (const char* key : {"admin-username", "admin-password", "stats-username", "stats-password"}) {
    api::Json secret = {{"data", console_secret_data(console)}};
    secret["data"].erase(key);
    EXPECT_FALSE(read_console_credentials(secret)) << key;
  }
  api::Json foreign = {{"data", console_secret_data({login("eve", "x"), console.stats})}};
  EXPECT_FALSE(read_console_credentials(foreign));
}

}  // namespace
}  // namespace poolwright::render

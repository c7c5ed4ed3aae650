#include "render/url.h"

#include <gtest/gtest.h>

#include "base/digest.h"
#include "render/object_url_secret.h"
#include "sample_pool.h"
#include "url_readers.h"

namespace poolwright::render {
namespace {

using testing::login;

TEST(PercentEncoded, LeavesOnlyUnreservedBytes) {
  EXPECT_EQ(percent_encoded("AZaz09-._~"), "AZaz09-._~");
  EXPECT_EQ(percent_encoded(" +%é/"), "%20%2B%25%C3%A9%2F");
  std::string all;
  for (int byte = 1; byte < 256; ++byte) all += static_cast<char>(byte);
  const std::string encoded = percent_encoded(all);
  EXPECT_EQ(encoded.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%"),
            std::string::npos);
  EXPECT_EQ(testing::percent_decoded(encoded, true), all);
}

TEST(PostgresUrl, IsTheDocumentedForm) {
  EXPECT_EQ(
      postgres_url({"orders-pool.shop.svc", 6432, "orders"}, login("user", "pass"),
                   {{"pgbouncer", "true"}, {"connection_limit", "5"}, {"pool_timeout", "20"}})
          .reveal(),
      "postgresql://user:pass@orders-pool.shop.svc:6432/orders?pgbouncer=true&connection_limit=5&pool_timeout=20");
  EXPECT_EQ(postgres_url({"::1", 5432, "a"}, login("u", "p"), {}).reveal(), "postgresql://u:p@[::1]:5432/a");
}

class HostileTexts : public ::testing::TestWithParam<std::string> {};

TEST_P(HostileTexts, AsPasswordAndUserAreReadTheSameByEveryone) {
  for (const Credentials& credentials :
       {login("app", GetParam()), login(GetParam(), "secret"), login(GetParam(), GetParam())}) {
    const UrlTarget target{"2001:db8::1", 6432, "orders"};
    const std::string url = postgres_url(target, credentials, {}).reveal();
    const auto libpq = testing::libpq(url);
    const auto whatwg = testing::whatwg(url);
    ASSERT_TRUE(libpq && whatwg) << url;
    for (const auto& parts : {*libpq, *whatwg}) {
      EXPECT_EQ(parts.at("user"), credentials.username);
      EXPECT_EQ(parts.at("password"), credentials.password.reveal());
      EXPECT_EQ(parts.at("host"), "2001:db8::1");
      EXPECT_EQ(parts.at("port"), "6432");
      EXPECT_EQ(parts.at("dbname"), "orders");
    }
    const auto jdbc = testing::whatwg(jdbc_url(target, credentials, {}).reveal());
    ASSERT_TRUE(jdbc);
    EXPECT_EQ(jdbc->at("?user"), credentials.username);
    EXPECT_EQ(jdbc->at("?password"), credentials.password.reveal());
    EXPECT_EQ(testing::pgpass_fields(pgpass_line(target, credentials).reveal()),
              (std::vector<std::string>{"2001:db8::1", "6432", "orders", credentials.username,
                                        credentials.password.reveal()}));
  }
}

INSTANTIATE_TEST_SUITE_P(All, HostileTexts, ::testing::ValuesIn(testing::hostile_texts()),
                         [](const auto& text) { return "text_" + std::to_string(text.index); });

/// The values of the Secret of the pool's first database, decoded.
std::map<std::string, std::string> secret_values(const api::ConnectionPool& pool,
                                                 const Credentials& credentials = login("u", "p")) {
  const api::Database& database = pool.spec.databases[0];
  const api::Json secret =
      url_secret({.pool = pool,
                  .database = database,
                  .credentials = credentials,
                  .version = *parse_version(pool.spec.pgbouncer.version),
                  .pooler = {"orders-pool.shop.svc", 6432, database.name},
                  .direct = {pool.spec.postgres.host, pool.spec.postgres.port, api::server_database(database)},
                  .connection_limit = 5});
  EXPECT_EQ(secret["type"], "servicebinding.io/postgresql");
  std::map<std::string, std::string> values;
  for (const auto& [key, value] : secret["data"].items()) values[key] = *base64_decode(value.get<std::string>());
  return values;
}

TEST(UrlSecret, HasTheDocumentedKeysAndValues) {
  const std::map<std::string, std::string> expected = {
      {"DATABASE_URL",
       "postgresql://u:p@orders-pool.shop.svc:6432/orders?pgbouncer=true&connection_limit=5&pool_timeout=20"},
      {"DATABASE_URL_DIRECT",
       "postgresql://u:p@orders-db.shop.svc:5432/orders?connection_limit=10&pool_timeout=20&connect_timeout=10"},
      {"DIRECT_URL",
       "postgresql://u:p@orders-db.shop.svc:5432/orders?connection_limit=10&pool_timeout=20&connect_timeout=10"},
      {"DATABASE_POOL_MAX", "5"},
      {"DATABASE_POOL_TIMEOUT_MS", "20000"},
      {"uri", "postgresql://u:p@orders-db.shop.svc:5432/orders"},
      {"jdbc-uri", "jdbc:postgresql://orders-db.shop.svc:5432/orders?user=u&password=p"},
      {"pgbouncer-uri", "postgresql://u:p@orders-pool.shop.svc:6432/orders"},
      {"pgbouncer-jdbc-uri", "jdbc:postgresql://orders-pool.shop.svc:6432/orders?user=u&password=p"},
      {"host", "orders-db.shop.svc"},
      {"port", "5432"},
      {"dbname", "orders"},
      {"username", "u"},
      {"user", "u"},
      {"password", "p"},
      {"pgbouncer-host", "orders-pool.shop.svc"},
      {"pgbouncer-port", "6432"},
      {"pgbouncer-dbname", "orders"},
      {"pgpass", "orders-pool.shop.svc:6432:orders:u:p\norders-db.shop.svc:5432:orders:u:p\n"},
      {"type", "postgresql"},
      {"provider", "poolwright"},
  };
  EXPECT_EQ(secret_values(testing::smallest_pool()), expected);
}

TEST(UrlSecret, GenericUrisHaveNothingThatAReaderRefuses) {
  for (const api::TlsMode mode :
       {api::TlsMode::kDisable, api::TlsMode::kPrefer, api::TlsMode::kRequire, api::TlsMode::kVerifyFull}) {
    api::ConnectionPool pool = testing::smallest_pool();
    pool.spec.postgres.tls.mode = mode;
    pool.spec.pgbouncer.client_tls_secret_ref = api::SecretRef{"tls"};
    const auto values = secret_values(pool);
    const bool has_direct_tls = mode == api::TlsMode::kRequire || mode == api::TlsMode::kVerifyFull;
    for (const auto& [key, has_tls] : {std::pair{"uri", has_direct_tls}, {"pgbouncer-uri", true}}) {
      const auto parts = testing::libpq(values.at(key));
      ASSERT_TRUE(parts) << values.at(key);
      EXPECT_EQ(parts->contains("sslmode"), has_tls) << values.at(key);
      EXPECT_EQ(testing::whatwg(values.at(key))->size(), has_tls ? 6U : 5U) << "more than sslmode: " << values.at(key);
    }
  }
}

TEST(UrlSecret, TheFlagFollowsTheRule) {
  using Flag = api::PgbouncerFlag;
  struct Case {
    Flag flag;
    const char* version;
    const char* prepared_statements;  // the parameter, "" where it is not given
    api::PoolMode mode;
    bool has_flag;
  };
  constexpr auto kTransaction = api::PoolMode::kTransaction;
  const Case cases[] = {
      {Flag::kAlways, "1.18", "", kTransaction, true},
      {Flag::kAlways, "1.26", "", kTransaction, true},
      {Flag::kNever, "1.18", "", kTransaction, false},
      {Flag::kAuto, "1.18", "", kTransaction, true},
      {Flag::kAuto, "1.20", "", kTransaction, true},
      {Flag::kAuto, "1.21", "", kTransaction, true},
      {Flag::kAuto, "1.21", "100", kTransaction, false},
      {Flag::kAuto, "1.22", "", kTransaction, false},
      {Flag::kAuto, "1.26", "0", kTransaction, true},
      {Flag::kAuto, "1.26", "", kTransaction, false},
      {Flag::kAuto, "1.18", "", api::PoolMode::kSession, false},
  };
  for (const Case& c : cases) {
    api::ConnectionPool pool = testing::smallest_pool();
    pool.spec.databases[0].application.pgbouncer_flag = c.flag;
    pool.spec.pgbouncer.version = c.version;
    pool.spec.pgbouncer.pool_mode = c.mode;
    if (*c.prepared_statements != '\0')
      pool.spec.pgbouncer.parameters["max_prepared_statements"] = c.prepared_statements;
    const auto values = secret_values(pool);
    EXPECT_EQ(values.at("DATABASE_URL").find("pgbouncer=true") != std::string::npos, c.has_flag)
        << c.version << c.prepared_statements;
    const bool loses_statements =
        c.mode == kTransaction && (std::string(c.version) < "1.21" || c.has_flag) && c.flag == Flag::kAuto;
    if (loses_statements) {
      EXPECT_NE(values.at("pgbouncer-jdbc-uri").find("prepareThreshold=0"), std::string::npos);
    }
  }
}

TEST(UrlSecret, NeverHasASchemaOrAnUnlimitedNumber) {
  const auto values = secret_values(testing::full_pool());
  for (const auto& [key, value] : values) {
    EXPECT_EQ(value.find("schema="), std::string::npos) << key;
    EXPECT_EQ(value.find("limit=0"), std::string::npos) << key;
    EXPECT_EQ(value.find("timeout=0"), std::string::npos) << key;
  }
}

}  // namespace
}  // namespace poolwright::render

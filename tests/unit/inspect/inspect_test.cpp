#include "inspect/inspect.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace poolwright::inspect {
namespace {

Inspection inspect(const char* text, const InspectOptions& options = {}) {
  const auto url = parse_database_url(text);
  EXPECT_TRUE(url.has_value()) << text;
  return inspect_url(*url, options);
}

bool says(const Inspection& result, bool problem, std::string_view words) {
  return std::any_of(result.findings.begin(), result.findings.end(), [&](const Finding& finding) {
    return finding.problem == problem && finding.text.find(words) != std::string::npos;
  });
}

constexpr const char* kPooled =
    "postgresql://u:p@orders-pool.shop.svc:6432/orders?pgbouncer=true&connection_limit=5&pool_timeout=20";
constexpr const char* kDirect =
    "postgresql://u:p@orders-db.shop.svc:5432/orders?connection_limit=10&pool_timeout=20&connect_timeout=10";

TEST(Inspect, TellsPooledFromDirect) {
  EXPECT_EQ(inspect(kPooled).pooled_because, "pgbouncer=true");
  EXPECT_EQ(inspect("postgresql://u:p@h:6432/d").pooled_because, "port 6432");
  EXPECT_EQ(inspect("postgresql://u:p@x-pooler.aws.example/d").pooled_because, "\"pooler\" in the host name");
  EXPECT_FALSE(inspect(kDirect).pooled);
}

TEST(Inspect, TheUrlsThatWeWriteHaveNoProblem) {
  for (const char* url : {kPooled, kDirect}) {
    const Inspection result = inspect(url, {.client = Client::kPrisma6, .instances = 10, .pool_clients = 100});
    for (const Finding& finding : result.findings) EXPECT_FALSE(finding.problem) << url << ": " << finding.text;
  }
}

TEST(Inspect, SaysLimitsAndTimeoutsInWords) {
  const Inspection result = inspect(kPooled);
  ASSERT_EQ(result.summary.size(), 3U);
  EXPECT_EQ(result.summary[0], "Each instance opens up to 5 connections.");
  EXPECT_EQ(result.summary[1], "A query waits for a free connection of its instance up to 20 seconds.");
  EXPECT_EQ(result.summary[2], "Opening a connection may take up to 5 seconds.");
}

TEST(Inspect, FindsWhatIsWrong) {
  EXPECT_TRUE(says(inspect(kPooled, {.for_migrations = true}), true, "use DATABASE_URL_DIRECT"));
  EXPECT_TRUE(
      says(inspect(kPooled, {.instances = 30, .pool_clients = 100}), true, "30 instances x 5 connections = 150"));
  EXPECT_FALSE(says(inspect(kPooled, {.instances = 20, .pool_clients = 100}), true, "instances x"));
  EXPECT_TRUE(says(inspect("postgresql://u:p@h/d?connection_limit=0"), true, "means unlimited"));
  EXPECT_TRUE(says(inspect("postgresql://u:p@h/d?connection_limit=abc"), true, "not a whole number"));
  EXPECT_TRUE(says(inspect("postgresql://u:p@h/d?connection_limit=-1"), true, "not a whole number"));
  EXPECT_TRUE(says(inspect("postgresql://u:p@h/d"), true, "connection_limit is missing"));
  EXPECT_TRUE(says(inspect("postgresql://u:p@h/d?pool_timeout=0"), true, "pool_timeout=0"));
  EXPECT_TRUE(says(inspect("postgresql://u:p@h/d?pgbouncer=yes"), true, "must be true or false"));
  EXPECT_TRUE(says(inspect("postgresql://u:p@h:6432/d?schema=x"), true, "leaks"));
  EXPECT_TRUE(says(inspect("postgresql://u:p@h"), true, "database name is missing"));
}

TEST(Inspect, KnowsWhatEachClientDoesWithAParameter) {
  EXPECT_TRUE(says(inspect(kPooled, {.client = Client::kPrisma7}), false, "ignores connection_limit; set it in code"));
  EXPECT_TRUE(says(inspect(kPooled, {.client = Client::kLibpq}), true, "refuses the URL because of pgbouncer"));
  EXPECT_TRUE(says(inspect(kPooled, {.client = Client::kPgx}), true, "sends pgbouncer to the server"));
  EXPECT_TRUE(
      says(inspect("postgresql://u:p@h/d?connect_timeout=3", {.client = Client::kAsyncpg}), true, "connect_timeout"));
  EXPECT_FALSE(
      says(inspect("postgresql://u:p@h/d?connect_timeout=3", {.client = Client::kLibpq}), true, "connect_timeout"));
}

TEST(Inspect, ClientsHaveNames) {
  for (const char* name : {"prisma6", "prisma7", "node-postgres", "libpq", "pgx", "asyncpg"}) {
    EXPECT_TRUE(client_from_name(name).has_value()) << name;
  }
  EXPECT_FALSE(client_from_name("odbc").has_value());
}

}  // namespace
}  // namespace poolwright::inspect

#include "render/names.h"

#include <gtest/gtest.h>

#include <random>
#include <regex>
#include <set>

#include "sample_pool.h"

namespace poolwright::render {
namespace {

const std::regex kDnsLabel("[a-z]([-a-z0-9]{0,61}[a-z0-9])?");
const std::regex kLabelValue("[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?");

std::vector<std::string> names_of(const std::string& pool) {
  return {pool_object_name(pool), userlist_secret_name(pool), console_secret_name(pool)};
}

TEST(Names, ArePlainWhereTheNameAllowsIt) {
  EXPECT_EQ(pool_object_name("orders"), "orders-pool");
  EXPECT_EQ(userlist_secret_name("orders"), "orders-pool-userlist");
  EXPECT_EQ(console_secret_name("orders"), "orders-pool-console");
  EXPECT_EQ(derived_url_secret_name("orders", "app"), "orders-app-url");
  EXPECT_EQ(pool_label("orders"), "orders");
  EXPECT_EQ(service_host("orders", "shop"), "orders-pool.shop.svc");
  EXPECT_EQ(selector_text("orders"), "app.kubernetes.io/name=pgbouncer,poolwright.dev/pool=orders");
}

TEST(Names, AreLabelsForEveryResourceName) {
  for (const std::string& pool : {std::string("1st"), std::string("a.b"), std::string(253, 'a'), std::string("9.9"),
                                  "x" + std::string(61, '-') + "y", std::string(49, 'b'), std::string(50, 'b'),
                                  std::string("a--0123456789abcdef"), std::string("a")}) {
    for (const std::string& name : names_of(pool)) EXPECT_TRUE(std::regex_match(name, kDnsLabel)) << name;
    EXPECT_TRUE(std::regex_match(pool_label(pool), kLabelValue)) << pool_label(pool);
    for (const std::string& database :
         {std::string("a"), std::string(63, 'z'), std::string("_A-_"), std::string("---")}) {
      const std::string name = derived_url_secret_name(pool, database);
      EXPECT_TRUE(std::regex_match(name, kDnsLabel)) << name;
    }
  }
}

TEST(Names, NeverStandForTwoThings) {
  // Pairs that a plain "<pool>-<database>-url" would confuse, and names made to look like ours.
  const std::pair<const char*, const char*> pairs[] = {
      {"a", "b-c"},  {"a-b", "c"},  {"a", "b"},      {"a", "B"},        {"a", "_b"},           {"a-b", "b"},
      {"a.b", "c"},  {"a", "pool"}, {"a-pool", "b"}, {"a", "userlist"}, {"a-pool", "console"}, {"a", "b_c"},
      {"a", "b--c"}, {"a--b", "c"}, {"a-b-c", "d"},  {"a", "b-c-d"},    {"a-b", "c-d"}};
  std::set<std::string> seen;
  for (const auto& [pool, database] : pairs) {
    EXPECT_TRUE(seen.insert(derived_url_secret_name(pool, database)).second) << pool << "/" << database;
  }
  // A resource named like another one's shortened name is shortened itself.
  const std::string shortened = pool_label("a.b");
  EXPECT_NE(pool_label(shortened), shortened);
  EXPECT_NE(pool_label("a.b"), pool_label("a-b"));
}

TEST(Property, RandomNamesDoNotCollide) {
  constexpr unsigned kSeed = 42;
  std::mt19937 random(kSeed);
  const auto below = [&](std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
  };
  const auto word = [&](const std::string& first, const std::string& rest, const std::string& last) {
    std::string text(1, first[below(first.size())]);
    for (std::size_t i = below(8); i > 0; --i) text += rest[below(rest.size())];
    if (below(12) == 0) text += std::string(60 + below(150), 'a');
    return text + last[below(last.size())];
  };
  std::map<std::string, std::string> owner;  // name of a Secret -> what it is for
  const auto claim = [&](const std::string& name, const std::string& purpose) {
    const auto [found, is_new] = owner.emplace(name, purpose);
    EXPECT_TRUE(is_new || found->second == purpose)
        << "seed " << kSeed << ": " << name << " for " << found->second << " and " << purpose;
    EXPECT_TRUE(std::regex_match(name, kDnsLabel)) << "seed " << kSeed << ": " << name;
  };
  // Small alphabets, so that near collisions are common.
  for (int round = 0; round < 20000; ++round) {
    const std::string pool = word("a1", "ab-.", "a1");
    const std::string database = word("aA_", "ab-_B", "ab").substr(0, 63);
    claim(userlist_secret_name(pool), "userlist of " + pool);
    claim(console_secret_name(pool), "console of " + pool);
    claim(derived_url_secret_name(pool, database), "url of " + pool + "/" + database);
    claim(pool_object_name(pool), "objects of " + pool);
  }
}

TEST(UrlSecretName, IsTheGivenOneIfThereIsOne) {
  const api::ConnectionPool pool = testing::full_pool();
  EXPECT_EQ(url_secret_name(pool, pool.spec.databases[0]), "orders-database");
  EXPECT_EQ(url_secret_name(pool, pool.spec.databases[1]), derived_url_secret_name("shop.v2", "Billing_2"));
}

TEST(Labels, TheSelectorIsAPartOfThem) {
  const auto labels = object_labels("a.b");
  for (const auto& [name, value] : selector_labels("a.b")) EXPECT_EQ(labels.at(name), value);
  EXPECT_EQ(labels.at("app.kubernetes.io/managed-by"), "poolwright");
}

}  // namespace
}  // namespace poolwright::render

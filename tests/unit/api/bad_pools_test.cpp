// The table tests/data/bad_pools.yaml, which the API server is asked about, too (tests/e2e/crd_test.py).
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "api/rules.h"
#include "api/validate.h"
#include "unit/api/pools.h"

namespace poolwright::api {
namespace {

Json bad_pool(const Json& base, const Json& test_case) {
  Json spec = base;
  if (test_case.contains("database")) {
    const Json& change = test_case["database"];
    const Json patches = change.is_array() ? change : Json::array({change});
    spec["databases"] = Json::array();
    for (const Json& patch : patches) {
      Json database = base["databases"][0];
      database.merge_patch(patch);
      spec["databases"].push_back(std::move(database));
    }
  }
  if (test_case.contains("patch")) spec.merge_patch(test_case["patch"]);
  return pool_with_spec(std::move(spec));
}

bool says(const FieldError& error, const Json& test_case) {
  return error.path == test_case["path"].get<std::string>() &&
         error.message.find(test_case["words"].get<std::string>()) != std::string::npos;
}

TEST(BadPools, EachIsRefusedAtItsPathWithItsWords) {
  const Json table = yaml_file("tests/data/bad_pools.yaml");
  ASSERT_GT(table["cases"].size(), 150U);
  for (const Json& test_case : table["cases"]) {
    const Parsed parsed = check_pool(bad_pool(table["base"], test_case), {});
    EXPECT_FALSE(parsed.pool.has_value()) << test_case["name"];
    EXPECT_TRUE(std::any_of(parsed.errors.begin(), parsed.errors.end(),
                            [&](const FieldError& error) { return says(error, test_case); }))
        << test_case["name"] << " at " << test_case["path"] << " should say " << test_case["words"]
        << ", found:" << all(parsed.errors);
  }
}

TEST(BadPools, NoErrorIsSaidTwice) {
  const Json table = yaml_file("tests/data/bad_pools.yaml");
  for (const Json& test_case : table["cases"]) {
    const Parsed parsed = check_pool(bad_pool(table["base"], test_case), {});
    std::set<std::string> seen;
    for (const FieldError& error : parsed.errors) {
      EXPECT_TRUE(seen.insert(to_string(error)).second) << test_case["name"] << ": " << to_string(error);
    }
  }
}

TEST(BadPools, TheBaseIsGood) {
  const Json table = yaml_file("tests/data/bad_pools.yaml");
  const Parsed parsed = check_pool(pool_with_spec(table["base"]), {});
  EXPECT_TRUE(parsed.pool.has_value()) << all(parsed.errors);
}

TEST(BadPools, EveryRuleOfTheCrdHasACase) {
  const Json table = yaml_file("tests/data/bad_pools.yaml");
  std::set<std::string> words;
  for (const Json& test_case : table["cases"]) words.insert(test_case["words"].get<std::string>());
  for (const char* message : rule::kInCrd) EXPECT_TRUE(words.contains(message)) << message;
}

TEST(BadPools, NoErrorShowsWhatMayBeAPassword) {
  Json pool = good_pool_json();
  for (const char* host : {"user:hunter2@db", "postgresql://user:hunter2@db/orders", "db?password=hunter2@"}) {
    pool["spec"]["postgres"]["host"] = host;
    const Parsed parsed = check_pool(pool, {});
    ASSERT_FALSE(parsed.errors.empty());
    EXPECT_EQ(all(parsed.errors).find("hunter2"), std::string::npos) << all(parsed.errors);
  }
}

}  // namespace
}  // namespace poolwright::api

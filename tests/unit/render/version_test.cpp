#include "render/version.h"

#include <gtest/gtest.h>

namespace poolwright::render {
namespace {

TEST(ParseVersion, ReadsWhatResourcesAndConsolesSay) {
  const std::pair<const char*, PgbouncerVersion> cases[] = {
      {"1.26", {1, 26, 0}}, {"1.24.1", {1, 24, 1}}, {"1.24.1/bouncer", {1, 24, 1}}, {"PgBouncer 1.18.0", {1, 18, 0}}};
  for (const auto& [text, version] : cases) EXPECT_EQ(parse_version(text), version) << text;
  for (const char* text : {"", "1", "1.", "1.a", "a.1", "1.26.", "1.26.1.2", "1.26 ", "-1.26", "1.-26", "1.99999"}) {
    EXPECT_FALSE(parse_version(text)) << text;
  }
  EXPECT_EQ(to_string(PgbouncerVersion{1, 24, 1}), "1.24.1");
}

TEST(ParseVersion, OrdersAsReleasesDo) {
  EXPECT_LT((PgbouncerVersion{1, 9, 9}), (PgbouncerVersion{1, 18, 0}));
  EXPECT_LT((PgbouncerVersion{1, 25, 1}), (PgbouncerVersion{1, 25, 2}));
}

TEST(IsSupported, IsTheRangeOfTheOptionTable) {
  EXPECT_FALSE(is_supported({1, 17, 9}));
  EXPECT_TRUE(is_supported({1, 18, 0}));
  EXPECT_TRUE(is_supported({1, 26, 1}));
  EXPECT_FALSE(is_supported({1, 27, 0}));
  EXPECT_FALSE(is_supported({2, 20, 0}));
}

TEST(KnownVulnerabilities, EndWithTheReleaseThatFixedThem) {
  const auto has = [](PgbouncerVersion version, std::string_view id) {
    for (const Vulnerability& known : known_vulnerabilities(version)) {
      if (known.id == id) return true;
    }
    return false;
  };
  EXPECT_TRUE(known_vulnerabilities({1, 26, 1}).empty());
  EXPECT_EQ(known_vulnerabilities({1, 26, 0}).size(), 3U);
  EXPECT_EQ(known_vulnerabilities({1, 18, 0}).size(), 12U);
  EXPECT_TRUE(has({1, 24, 0}, "CVE-2025-2291"));
  EXPECT_FALSE(has({1, 24, 1}, "CVE-2025-2291"));
  EXPECT_TRUE(has({1, 25, 1}, "CVE-2026-6667"));
  EXPECT_FALSE(has({1, 25, 2}, "CVE-2026-6667"));
}

}  // namespace
}  // namespace poolwright::render

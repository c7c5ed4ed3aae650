#include "api/quantity.h"

#include <gtest/gtest.h>

#include <random>

namespace poolwright::api {
namespace {

struct QuantityCase {
  const char* text;
  const char* canonical;
};

// Observed: what kube-apiserver 1.36 printed for a Deployment that was applied with the text on the left.
TEST(Quantities, PrintedAsTheApiServerDoes) {
  const QuantityCase cases[] = {
      {"1000m", "1"},
      {"100m", "100m"},
      {"0.5", "500m"},
      {".5", "500m"},
      {"1500m", "1500m"},
      {"1.0", "1"},
      {"10.50", "10500m"},
      {"0.0001", "1m"},
      {"1n", "1m"},
      {"0.1n", "1m"},
      {"1.5m", "2m"},
      {"100u", "1m"},
      {"1e3", "1e3"},
      {"1e2", "100"},
      {"12e1", "120"},
      {"1e-3", "1e-3"},
      {"129e6", "129e6"},
      {"1.5Gi", "1536Mi"},
      {"1024Mi", "1Gi"},
      {"1000Mi", "1000Mi"},
      {"1Ki", "1Ki"},
      {"0.5Ki", "512"},
      {"1.1Ki", "1126400m"},
      {"0.3Gi", "322122547200m"},
      {"1023", "1023"},
      {"1024", "1024"},
      {"1024Ki", "1Mi"},
      {"1536Ki", "1536Ki"},
      {"100M", "100M"},
      {"1000k", "1M"},
      {"1000000", "1M"},
      {"1500k", "1500k"},
      {"5G", "5G"},
      {"0", "0"},
      {"0Ki", "0"},
      {"0e3", "0"},
      {"7Ei", "7Ei"},
      {"9E", "9E"},
      {"128974848", "128974848"},
      {"1000000000000n", "1k"},
      {"9223372036854775807", "9223372036854775807"},
  };
  for (const QuantityCase& test_case : cases) {
    EXPECT_EQ(canonical_quantity(test_case.text), test_case.canonical) << test_case.text;
  }
}

TEST(Quantities, OtherSpellings) {
  EXPECT_EQ(canonical_quantity("00012"), "12");
  EXPECT_EQ(canonical_quantity("1."), "1");
  EXPECT_EQ(canonical_quantity("1e+3"), "1e3");
  EXPECT_EQ(canonical_quantity("1E3"), "1e3");
  EXPECT_EQ(canonical_quantity("1E"), "1E");
  EXPECT_EQ(canonical_quantity("9000000000000000000.001"), "9000000000000000000001m");
}

TEST(Quantities, WhatIsNone) {
  for (const char* text : {"",      ".",     "-1",
                           "+1",    "1 ",    " 1",
                           "1KB",   "1MB",   "1mi",
                           "Mi",    "1.2.3", "1e",
                           "1e1.5", "1e100", "e3",
                           "0x10",  "1Zi",   "8Ei",
                           "10E",   "1e19",  "9223372036854775808",
                           "NaN",   "1\n",   "123456789012345678901234567890123"}) {
    EXPECT_EQ(canonical_quantity(text), std::nullopt) << text;
  }
}

TEST(Quantities, Order) {
  EXPECT_EQ(compare_quantities("1", "1000m"), std::partial_ordering::equivalent);
  EXPECT_EQ(compare_quantities("1Ki", "1k"), std::partial_ordering::greater);
  EXPECT_EQ(compare_quantities("64Mi", "256Mi"), std::partial_ordering::less);
  EXPECT_EQ(compare_quantities("1", "x"), std::partial_ordering::unordered);
}

TEST(Quantities, CanonicalTextIsItsOwn) {
  constexpr unsigned kSeed = 7;
  std::mt19937 random(kSeed);
  const char* const suffixes[] = {"", "m", "u", "n", "k", "M", "G", "Ki", "Mi", "Gi", "e1", "e-2", "e4"};
  for (int i = 0; i < 3000; ++i) {
    std::string text = std::to_string(random() % 1'000'000);
    if (random() % 2 == 0) text += "." + std::to_string(random() % 10'000);
    text += suffixes[random() % std::size(suffixes)];
    const auto canonical = canonical_quantity(text);
    ASSERT_TRUE(canonical.has_value()) << text << " seed " << kSeed;
    EXPECT_EQ(canonical_quantity(*canonical), canonical) << text << " seed " << kSeed;
    EXPECT_EQ(compare_quantities(text, *canonical), std::partial_ordering::equivalent) << text << " seed " << kSeed;
  }
}

}  // namespace
}  // namespace poolwright::api

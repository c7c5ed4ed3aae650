#include "base/random.h"

#include <gtest/gtest.h>

#include <array>
#include <cctype>

namespace poolwright {
namespace {

TEST(Random, ASeedReplays) {
  const auto first = make_seeded_random(42);
  const auto second = make_seeded_random(42);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(first->next(), second->next());
}

TEST(Random, FractionsStayBelowOne) {
  const auto random = make_seeded_random(1);
  for (int i = 0; i < 10'000; ++i) {
    const double fraction = random->next_fraction();
    EXPECT_GE(fraction, 0.0);
    EXPECT_LT(fraction, 1.0);
  }
}

TEST(Random, PasswordsUseTheWholeAlphabetAndNothingElse) {
  SystemRandom random;
  const std::string text = random_alphanumeric(random, 20'000);
  std::array<int, 128> seen{};
  for (const char c : text) {
    ASSERT_TRUE(std::isalnum(static_cast<unsigned char>(c)) != 0);
    ++seen.at(static_cast<std::size_t>(c));
  }
  int distinct = 0;
  for (const int count : seen) distinct += count > 0 ? 1 : 0;
  EXPECT_EQ(distinct, 62);
}

}  // namespace
}  // namespace poolwright

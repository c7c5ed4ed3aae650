#include "sizing/allocator.h"

#include <gtest/gtest.h>

#include <array>

namespace poolwright::sizing {
namespace {

TieredClaim claim(const std::string& id, int size, int want, bool is_urgent) {
  return {.id = id, .max = 50, .bare = want, .need = want, .want = want, .size = size, .is_urgent = is_urgent};
}

TEST(Allocate, SharesAreKeptStillUnlessSomebodyIsHelped) {
  struct Case {
    const char* what;
    int budget;
    TieredClaim a;
    TieredClaim b;
    int units_a;
    int units_b;
  };
  const Case cases[] = {
      {"one more is not worth a reload", 50, claim("a", 4, 5, false), claim("b", 5, 5, false), 4, 5},
      {"unless clients wait for it", 50, claim("a", 4, 5, true), claim("b", 5, 5, false), 5, 5},
      {"a fair share that is close is left alone", 10, claim("a", 4, 9, false), claim("b", 5, 9, false), 4, 5},
      {"what is left goes to those who wait", 10, claim("a", 4, 9, true), claim("b", 5, 9, false), 5, 5},
      {"also beyond their share", 10, claim("a", 4, 9, false), claim("b", 5, 9, true), 4, 6},
      {"which they keep while they want it", 10, claim("a", 4, 9, false), claim("b", 6, 9, false), 4, 6},
      {"and give back to whoever misses more", 10, claim("a", 3, 9, true), claim("b", 7, 9, true), 5, 5},
      {"or when they want less", 10, claim("a", 4, 4, false), claim("b", 6, 3, false), 4, 3},
  };
  for (const Case& c : cases) {
    const Shares shares = allocate(c.budget, std::array{c.a, c.b});
    EXPECT_EQ(shares.units.at("a"), c.units_a) << c.what;
    EXPECT_EQ(shares.units.at("b"), c.units_b) << c.what;
  }
}

}  // namespace
}  // namespace poolwright::sizing

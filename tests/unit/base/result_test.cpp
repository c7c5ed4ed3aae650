#include "base/result.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace poolwright {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return make_error(ErrorKind::kInvalid, "odd number");
  return number / 2;
}

Result<std::string> quarter_text(int number) {
  PW_ASSIGN_OR_RETURN(const int once, half(number));
  PW_ASSIGN_OR_RETURN(const int twice, half(once));
  return std::to_string(twice);
}

Status check_even(int number) {
  PW_RETURN_IF_ERROR(half(number));
  return ok();
}

TEST(Result, HoldsAValueOrAnError) {
  const Result<int> good = half(4);
  ASSERT_TRUE(good.has_value());
  EXPECT_EQ(*good, 2);
  const Result<int> bad = half(3);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(bad.value_or(7), 7);
}

TEST(Result, MacrosLeaveTheFunctionWithTheFirstError) {
  EXPECT_EQ(*quarter_text(8), "2");
  EXPECT_EQ(quarter_text(6).error().message, "odd number");
  EXPECT_TRUE(check_even(2).has_value());
  EXPECT_FALSE(check_even(1).has_value());
}

TEST(Result, MovesWhatCannotBeCopied) {
  auto make = []() -> Result<std::unique_ptr<int>> { return std::make_unique<int>(5); };
  auto take = [&]() -> Result<int> {
    PW_ASSIGN_OR_RETURN(auto owned, make());
    return *owned;
  };
  EXPECT_EQ(*take(), 5);
}

TEST(Result, ErrorRemembersWhereItWasMadeAndTakesContext) {
  const Error error = half(1).error();
  EXPECT_STREQ(error.where.function_name() != nullptr ? "known" : "unknown", "known");
  EXPECT_EQ(describe(with_context(error, "read size")), "read size: odd number [Invalid]");
}

TEST(ResultDeathTest, ReadingTheValueOfAFailureIsABug) { EXPECT_DEATH(static_cast<void>(*half(1)), "bug: has_value"); }

}  // namespace
}  // namespace poolwright

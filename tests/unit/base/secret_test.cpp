#include "base/secret.h"

#include <gtest/gtest.h>

#include <ostream>
#include <string_view>

namespace poolwright {
namespace {

template <typename T>
concept Printable = requires(std::ostream& stream, const T& value) {
  stream << value;
};

// What keeps a secret out of logs, errors and statuses is that nothing takes it.
static_assert(!Printable<SecretString>);
static_assert(!std::is_convertible_v<SecretString, std::string>);
static_assert(!std::is_convertible_v<SecretString, std::string_view>);

TEST(SecretString, IsReadOnlyByName) {
  const SecretString secret("hunter2");
  EXPECT_EQ(secret.reveal(), "hunter2");
  EXPECT_FALSE(secret.empty());
  EXPECT_TRUE(SecretString().empty());
  EXPECT_TRUE(secret == SecretString("hunter2"));
}

}  // namespace
}  // namespace poolwright

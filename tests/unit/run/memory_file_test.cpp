#include "run/memory_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <iterator>

namespace poolwright::run {
namespace {

TEST(MemoryFile, CanBeReadByItsPathAgainAndAgainAndByNobodyElse) {
  const auto file = MemoryFile::make(SecretString("-----BEGIN KEY-----\n"));
  ASSERT_TRUE(file);
  for (int i = 0; i < 2; ++i) {
    std::ifstream input((*file)->path());
    const std::string text{std::istreambuf_iterator<char>(input), {}};
    EXPECT_EQ(text, "-----BEGIN KEY-----\n");
  }
  struct stat about {};
  ASSERT_EQ(stat((*file)->path().c_str(), &about), 0);
  EXPECT_TRUE(S_ISREG(about.st_mode));
  EXPECT_EQ(about.st_mode & 0777U, 0600U);
}

TEST(MemoryFile, IsGoneWithItsOwner) {
  std::string path;
  {
    const auto file = MemoryFile::make(SecretString("x"));
    ASSERT_TRUE(file);
    path = (*file)->path();
  }
  EXPECT_FALSE(std::ifstream(path).is_open());
}

}  // namespace
}  // namespace poolwright::run

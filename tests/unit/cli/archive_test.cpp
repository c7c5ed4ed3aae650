#include "cli/archive.h"

#include <gtest/gtest.h>
#include <zlib.h>

namespace poolwright::cli {
namespace {

std::string unpacked(const std::string& packed) {
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 31), Z_OK);
  std::string input = packed;
  std::string output(1 << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(output.data());
  stream.avail_out = static_cast<uInt>(output.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  output.resize(output.size() - stream.avail_out);
  inflateEnd(&stream);
  return output;
}

TEST(Archive, HoldsFilesInBlocksAndEndsWithTwoEmptyOnes) {
  const auto packed = tar_gz({{"a/b.txt", "hello"}, {"c", std::string(513, 'x')}}, 1'767'323'045);
  ASSERT_TRUE(packed.has_value());
  const std::string tar = unpacked(*packed);
  ASSERT_EQ(tar.size(), 512U * (1 + 1 + 1 + 2 + 2));
  EXPECT_EQ(tar.substr(0, 7), "a/b.txt");
  EXPECT_EQ(tar.substr(124, 11), "00000000005");
  EXPECT_EQ(tar.substr(257, 5), "ustar");
  EXPECT_EQ(tar.substr(512, 5), "hello");
  EXPECT_EQ(tar.substr(tar.size() - 1024), std::string(1024, '\0'));
}

TEST(Archive, RefusesNamesThatDoNotFit) {
  EXPECT_FALSE(tar_gz({{std::string(101, 'a'), ""}}, 0).has_value());
  EXPECT_FALSE(tar_gz({{"", ""}}, 0).has_value());
}

}  // namespace
}  // namespace poolwright::cli

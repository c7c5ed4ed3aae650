#include "render/text.h"

#include <gtest/gtest.h>

namespace poolwright::render {
namespace {

using namespace std::string_literals;

TEST(IsOneLine, RefusesWhatAnyReaderTakesForALineBreakOrControl) {
  const std::string refused[] = {"a\nb",
                                 "a\rb",
                                 "a\r\nb",
                                 "\t",
                                 "a\vb",
                                 "a\fb",
                                 "a\0b"s,
                                 "\x1b[0m",
                                 "\x7f",
                                 "\xC2\x85",
                                 "\xE2\x80\xA8",
                                 "\xE2\x80\xA9",
                                 "\xC2\x80",
                                 "\xC2\x9F",
                                 "\xFF",
                                 "\xC3",
                                 "\xC0\xAF",
                                 "\xE0\x80\xAF",
                                 "\xED\xA0\x80",
                                 "\xF4\x90\x80\x80",
                                 "\xF0\x80\x80\x80",
                                 "\x80"};
  for (const std::string& text : refused) EXPECT_FALSE(is_one_line(text)) << ::testing::PrintToString(text);
}

TEST(IsOneLine, TakesText) {
  for (const std::string text : {"", " ", "plain", "ü", "漢字", "😀", "\xC2\xA0", "it's a;b#c%d \\e=f"}) {
    EXPECT_TRUE(is_one_line(text)) << text;
  }
}

TEST(IsPlainInteger, TakesOnlyWhatPgbouncerReadsAsTheSameNumber) {
  for (const char* text : {"0", "1", "10", "2147483647", "9999999999"}) EXPECT_TRUE(is_plain_integer(text)) << text;
  for (const char* text : {"", "010", "00", "0x10", "-1", "+1", " 1", "1 ", "1.0", "1e3", "abc", "99999999999"}) {
    EXPECT_FALSE(is_plain_integer(text)) << text;
  }
}

TEST(IsPlainDatabaseName, IsTheDocumentedPattern) {
  for (const std::string& name : {"a"s, "_"s, "A1"s, "a-b_c"s, "x"s + std::string(62, '9')}) {
    EXPECT_TRUE(is_plain_database_name(name)) << name;
  }
  for (const std::string& name :
       {""s, "1a"s, "-a"s, "a.b"s, "a b"s, "*"s, "a/b"s, "ü"s, "a'b"s, std::string(64, 'a')}) {
    EXPECT_FALSE(is_plain_database_name(name)) << name;
  }
}

TEST(Lists, AreSplitTrimmedAndJoined) {
  EXPECT_EQ(split_list(" a, b ,,c ", ','), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_TRUE(split_list("", ',').empty());
  EXPECT_TRUE(split_list(" , ", ',').empty());
  EXPECT_EQ(join({"a", "b", "c"}, ", "), "a, b, c");
  EXPECT_EQ(join({}, ", "), "");
  EXPECT_EQ(replace_all("a'b''", '\'', "''"), "a''b''''");
}

}  // namespace
}  // namespace poolwright::render

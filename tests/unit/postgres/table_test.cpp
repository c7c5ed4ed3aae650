#include "postgres/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace poolwright::postgres {
namespace {

using testing::HasSubstr;

const Table& sample() {
  static const Table table{{"text", "number", "flag", "empty"}, {{"a", "7", "1", ""}, {"b", "-7", "t", ""}}};
  return table;
}

TEST(RowReader, ReadsByNameInAnyOrder) {
  RowReader reader(sample(), 1);
  EXPECT_TRUE(reader.flag("flag"));
  EXPECT_EQ(reader.text("text"), "b");
  EXPECT_EQ(reader.integer("number"), -7);
  EXPECT_DOUBLE_EQ(reader.number("number"), -7.0);
  EXPECT_EQ(reader.any_of({"nothing", "flag"}), "flag");
  EXPECT_EQ(reader.optional_count("nothing"), std::nullopt);
  EXPECT_EQ(reader.optional_count("empty"), std::nullopt);
  EXPECT_TRUE(reader.status().has_value());
}

TEST(RowReader, TheFirstFailureStays) {
  RowReader reader(sample(), 1);
  EXPECT_EQ(reader.count("number"), 0);
  EXPECT_EQ(reader.integer("text"), 0);
  EXPECT_EQ(reader.text("text"), "b") << "later reads go on";
  ASSERT_FALSE(reader.status().has_value());
  EXPECT_EQ(reader.status().error().kind, ErrorKind::kProtocol);
  EXPECT_EQ(reader.status().error().message, "read row 2 of the answer: column number is negative: -7");
}

TEST(RowReader, TellsWhatIsWrong) {
  struct Case {
    const char* column;
    const char* problem;
  };
  for (const Case& one :
       {Case{"missing", "is missing"}, Case{"text", "is no integer: 'a'"}, Case{"empty", "is no integer: ''"}}) {
    RowReader reader(sample(), 0);
    reader.integer(one.column);
    ASSERT_FALSE(reader.status().has_value());
    EXPECT_THAT(reader.status().error().message, HasSubstr(one.problem));
  }
  RowReader reader(sample(), 0);
  EXPECT_EQ(reader.any_of({"new_name", "old_name"}), "new_name");
  EXPECT_THAT(reader.status().error().message, HasSubstr("column new_name is missing"));
}

TEST(RowReader, EmptyTableHasNothing) {
  const Table empty{{}, {{}}};
  RowReader reader(empty, 0);
  EXPECT_EQ(reader.text("text"), "");
  EXPECT_FALSE(reader.status().has_value());
}

TEST(RowReader, InfinityIsNoNumber) {
  for (const std::string text : {"inf", "nan", "1e999", "-inf"}) {
    const Table table{{"x"}, {{text}}};
    RowReader reader(table, 0);
    EXPECT_DOUBLE_EQ(reader.number("x"), 0);
    EXPECT_FALSE(reader.status().has_value()) << text;
  }
}

TEST(Printable, KeepsTextAndReplacesTheRest) {
  struct Case {
    std::string bytes;
    std::string text;
  };
  const Case cases[] = {
      {"plain", "plain"},
      {"a\nb\tc\rd", "a b c d"},
      {std::string("a\0b", 3), "a?b"},
      {"\x1B[31m", "?[31m"},
      {"\xC3\xA4\xE2\x82\xAC\xF0\x9F\x90\x98", "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x90\x98"},
      {"\xC3", "?"},
      {"\xC0\xAF", "??"},
      {"\xE0\x80\x80", "???"},
      {"\xED\xA0\x80", "???"},
      {"\xF4\x90\x80\x80", "????"},
      {"\xFF\xFE", "??"},
      {"\xE2\x82", "??"},
  };
  for (const Case& one : cases) EXPECT_EQ(printable(one.bytes, 100), one.text);
}

TEST(Printable, IsCutBetweenCharacters) {
  EXPECT_EQ(printable("abcdef", 3), "abc");
  EXPECT_EQ(printable("a\xE2\x82\xAC"
                      "b",
                      3),
            "a");
  EXPECT_EQ(printable("abc", 0), "");
}

}  // namespace
}  // namespace poolwright::postgres

#include "importer/ini_lines.h"

#include <gtest/gtest.h>

#include <map>

#include "importer/installation.h"

namespace poolwright::importer {
namespace {

using Files = std::map<std::string, std::string>;

Result<std::vector<IniLine>> read(const Files& files) {
  return read_lines("main.ini", [&](const std::string& path) -> Result<std::string> {
    const auto found = files.find(path);
    if (found == files.end()) return make_error(ErrorKind::kNotFound, path + ": is not there");
    return found->second;
  });
}

std::string error_of(const Files& files) {
  const auto lines = read(files);
  return lines ? "" : lines.error().message;
}

TEST(IniLines, SectionsAndPlacesGoThroughIncludes) {
  const auto lines = read({{"main.ini", "[databases]\n\n%include  a.ini \nz = host=z\n"},
                           {"a.ini", "; first\na = host=a\n[users]\nu = pool_mode=session"}});
  ASSERT_TRUE(lines.has_value()) << lines.error().message;
  ASSERT_EQ(lines->size(), 5U);
  EXPECT_EQ(lines->at(1).key, "a");
  EXPECT_EQ(to_string(lines->at(1).place), "a.ini:2");
  EXPECT_EQ(lines->at(4).key, "z");
  EXPECT_EQ(lines->at(4).section, "users") << "the section of the fragment stays open";
  EXPECT_EQ(to_string(lines->at(4).place), "main.ini:4");
}

TEST(IniLines, NamesInSingleQuotesAndValuesAsTheyStand) {
  const auto lines = read({{"main.ini", "[databases]\n'it''s mine'=\thost=a ; no comment  \r\n* = host=b\n"}});
  ASSERT_TRUE(lines.has_value()) << lines.error().message;
  EXPECT_EQ(lines->at(1).key, "it's mine");
  EXPECT_EQ(lines->at(1).value, "host=a ; no comment");
  EXPECT_EQ(lines->at(2).key, "*");
}

TEST(IniLines, WhereverPgbouncerStopsThePlaceIsTold) {
  EXPECT_EQ(error_of({{"main.ini", "[databases]\n\"my db\" = host=a\n"}}),
            "main.ini:2: PgBouncer reads no name in double quotes; 1.26 reads single ones");
  EXPECT_EQ(error_of({{"main.ini", "a = b\n"}}), "main.ini:1: a value stands before the first section");
  EXPECT_EQ(error_of({{"main.ini", "[databases\na = b\n"}}), "main.ini:1: the section header has no ]");
  EXPECT_EQ(error_of({{"main.ini", "[databases]\nwhat is this\n"}}),
            "main.ini:2: syntax error: key = value is expected");
  EXPECT_EQ(error_of({{"main.ini", "[databases]\n%include gone.ini\n"}}),
            "main.ini:2: %include: gone.ini: is not there");
  EXPECT_EQ(error_of({{"main.ini", "[databases]\n'open = host=a\n"}}), "main.ini:2: the quoted name does not end");
}

TEST(IniLines, IncludesEndAtTenFiles) {
  EXPECT_EQ(error_of({{"main.ini", "[databases]\n%include main.ini\n"}}),
            "main.ini:2: %include goes deeper than 10 files");
  Files chain{{"main.ini", "[databases]\n%include 1\n"}};
  for (int i = 1; i < 9; ++i) chain[std::to_string(i)] = "%include " + std::to_string(i + 1);
  chain["9"] = "x = host=x";
  EXPECT_EQ(error_of(chain), "");
}

TEST(Installation, UnknownSectionsAndBrokenConnectionStringsAreRefused) {
  const auto broken = [](const std::string& text) {
    const auto lines = read({{"main.ini", text}});
    return read_installation(*lines).error().message;
  };
  EXPECT_EQ(broken("[database]\na = host=a\n"), "main.ini:1: PgBouncer has no section [database]");
  EXPECT_EQ(broken("[databases]\na = host='a\n"), "main.ini:2: syntax error in connection string");
  EXPECT_EQ(broken("[databases]\n\na = host\n"), "main.ini:3: syntax error in connection string");
}

}  // namespace
}  // namespace poolwright::importer

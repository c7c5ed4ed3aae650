#include "render/ini.h"

#include <gtest/gtest.h>

#include <random>

#include "sample_pool.h"

namespace poolwright::render {
namespace {

using namespace std::string_literals;

Ini small(const std::string& database_value, const std::string& setting_value = "1") {
  return {.databases = {{.name = "a", .settings = {{"host", database_value}, {"port", "5432"}}}},
          .users = {},
          .pgbouncer = {{"x", setting_value}}};
}

void check_round_trip(const Ini& ini) {
  const auto text = to_text(ini);
  ASSERT_TRUE(text) << text.error().message;
  const auto read = parse_ini(*text);
  ASSERT_TRUE(read) << read.error().message << "\n" << *text;
  EXPECT_EQ(*read, ini) << *text;
}

TEST(ToText, WritesDatabasesBeforeTheOnlyPgbouncerHeader) {
  EXPECT_EQ(*to_text(small("db.shop.svc")), "[databases]\na = host='db.shop.svc' port=5432\n\n[pgbouncer]\nx = 1\n");
}

TEST(ToText, EveryHostileValueIsReadBack) {
  for (const std::string& text : testing::hostile_texts()) {
    check_round_trip(small(text));
    if (text.front() != ' ' && text.back() != ' ') check_round_trip(small("h", text));
  }
}

TEST(ToText, RefusesWhatPgbouncerCannotRead) {
  for (const std::string& value : {"a\nevil = host=x"s, "a\rb"s, "a\0b"s, "a\tb"s, "\xFF"s, "\xC2\x85"s, ""s}) {
    EXPECT_FALSE(to_text(small(value))) << ::testing::PrintToString(value);
  }
  for (const std::string& value : {"1\nadmin_users = eve"s, " 1"s, "1 "s, "1\v"s}) {
    EXPECT_FALSE(to_text(small("h", value))) << ::testing::PrintToString(value);
  }
  for (const std::string& name : {""s, "my db"s, "'my db'"s, "a/b"s, "ü"s, "*"s, "a\nb"s, std::string(64, 'a')}) {
    Ini ini = small("h");
    ini.databases[0].name = name;
    EXPECT_FALSE(to_text(ini)) << name;
    ini = small("h");
    ini.databases[0].settings[0].key = name;
    EXPECT_FALSE(to_text(ini)) << name;
    ini = small("h");
    ini.pgbouncer[0].key = name;
    EXPECT_FALSE(to_text(ini)) << name;
  }
}

TEST(ToText, NeverPutsAValueInAnError) {
  const auto result = to_text(small("secret\n"));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message.find("secret"), std::string::npos);
  EXPECT_NE(result.error().message.find("host"), std::string::npos);
}

TEST(ParseIni, ReadsLikePgbouncer) {
  const auto database = [](const std::string& line) {
    const auto ini = parse_ini("[databases]\n" + line + "\n[pgbouncer]\n");
    return ini && !ini->databases.empty() ? ini->databases[0].settings : std::vector<Setting>{};
  };
  EXPECT_EQ(database("a = host=h port=1"), (std::vector<Setting>{{"host", "h"}, {"port", "1"}}));
  EXPECT_EQ(database("a=host = 'it''s' port =1"), (std::vector<Setting>{{"host", "it's"}, {"port", "1"}}));
  // Only a space separates: a tab glues the next key to the value.
  EXPECT_EQ(database("a = host=h\tport=1"), (std::vector<Setting>{{"host", "h\tport=1"}}));
  // What follows an end quote is dropped.
  EXPECT_EQ(database("a = host='h'xport=1"), (std::vector<Setting>{{"host", "h"}, {"port", "1"}}));
  EXPECT_EQ(database("a = user=x;y#z%"), (std::vector<Setting>{{"user", "x;y#z%"}}));
}

TEST(ParseIni, SettingsAreRawText) {
  const auto ini = parse_ini(" ; comment\n# comment\n[pgbouncer]\n  a = 'b' ; c  \r\nd=\n\ne = %include x\n");
  ASSERT_TRUE(ini);
  EXPECT_EQ(ini->pgbouncer, (std::vector<Setting>{{"a", "'b' ; c"}, {"d", ""}, {"e", "%include x"}}));
  EXPECT_EQ(*find_setting(ini->pgbouncer, "d"), "");
  EXPECT_EQ(find_setting(ini->pgbouncer, "z"), nullptr);
}

TEST(ParseIni, ASecondHeaderResetsAndTheLastValueWins) {
  const auto ini = parse_ini("[pgbouncer]\na = 1\nb = 2\n[databases]\n[pgbouncer]\nb = 3\nb = 4\n");
  ASSERT_TRUE(ini);
  EXPECT_EQ(find_setting(ini->pgbouncer, "a"), nullptr);
  EXPECT_EQ(*find_setting(ini->pgbouncer, "b"), "4");
}

TEST(ParseIni, StopsWherePgbouncerStops) {
  const std::pair<const char*, const char*> cases[] = {
      {"[pgbouncer]\nx\n", "line 2"},
      {"x = 1\n", "line 1"},
      {"[pgbouncer\n", "line 1"},
      {"[other]\n", "line 1"},
      {"", "[pgbouncer] is missing"},
      {"[databases]\na = host=h\n", "[pgbouncer] is missing"},
      {"[databases]\n\na = host=''\n[pgbouncer]\n", "line 3"},
      {"[databases]\na = host='h\n[pgbouncer]\n", "line 2"},
      {"[databases]\na = host\n[pgbouncer]\n", "line 2"},
      {"[databases]\n\"my db\" = host=h\n[pgbouncer]\n", "line 2"},
      {"%include x\n[pgbouncer]\n", "line 1"},
  };
  for (const auto& [text, where] : cases) {
    const auto ini = parse_ini(text);
    ASSERT_FALSE(ini) << text;
    EXPECT_NE(ini.error().message.find(where), std::string::npos) << ini.error().message;
  }
  EXPECT_FALSE(parse_ini(std::string(kIniBytesMax + 1, ' ')));
}

TEST(Property, RandomConfigurationsAreReadBackEqual) {
  constexpr unsigned kSeed = 20261124;
  std::mt19937 random(kSeed);
  const auto below = [&](std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
  };
  const std::string alphabet = " '\"\\;#%=@:/?&+[]abcXYZ019_.-ü漢{}$`()*!<>|~^,";
  const auto text = [&](bool may_be_empty) {
    std::string value;
    const std::size_t length = below(12) + (may_be_empty ? 0 : 1);
    for (std::size_t i = 0; i < length; ++i) {
      // Whole characters: those of several bytes are taken from the end of the alphabet's list.
      const std::size_t at = below(alphabet.size());
      if (static_cast<unsigned char>(alphabet[at]) < 0x80) value += alphabet[at];
      if (at % 17 == 0) value += "ü";
    }
    if (value.empty() && !may_be_empty) value = "v";
    return value;
  };
  const auto name = [&] { return std::string(1, static_cast<char>('a' + below(26))) + std::to_string(below(1000)); };
  for (int round = 0; round < 2000; ++round) {
    Ini ini;
    for (std::size_t i = below(4); i > 0; --i) {
      IniEntry entry{.name = name(), .settings = {}};
      for (std::size_t s = below(5); s > 0; --s) entry.settings.push_back({name(), text(false)});
      (below(4) == 0 ? ini.users : ini.databases).push_back(entry);
    }
    for (std::size_t i = below(5); i > 0; --i) {
      std::string value = text(true);
      while (!value.empty() && value.front() == ' ') value.erase(0, 1);
      while (!value.empty() && value.back() == ' ') value.pop_back();
      ini.pgbouncer.push_back({name(), value});
    }
    SCOPED_TRACE("seed " + std::to_string(kSeed) + " round " + std::to_string(round));
    check_round_trip(ini);
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace poolwright::render

#include "base/log.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <type_traits>

#include "base/secret.h"

namespace poolwright {
namespace {

TEST(Log, TextLinesQuoteOnlyWhatNeedsIt) {
  EXPECT_EQ(
      format_log_line(LogFormat::kText, "pool_applied",
                      {{"namespace", "shop"}, {"message", "two words"}, {"pods", 2}, {"ready", true}, {"util", 0.5}}),
      R"(pool_applied namespace=shop message="two words" pods=2 ready=true util=0.5)");
}

TEST(Log, JsonLinesAreJsonEvenWithHostileBytes) {
  const std::string members =
      format_log_line(LogFormat::kJson, "watch_failed", {{"error", "line\nbreak \"quoted\" \xff"}, {"count", 3}});
  const auto parsed = nlohmann::json::parse("{" + members + "}");
  EXPECT_EQ(parsed["msg"], "watch_failed");
  EXPECT_EQ(parsed["count"], 3);
  EXPECT_EQ(members.find('\n'), std::string::npos);
}

TEST(Log, AHostileValueCannotAddALineToText) {
  EXPECT_EQ(format_log_line(LogFormat::kText, "e", {{"v", "a\nb=c"}}), R"(e v="a\nb=c")");
}

TEST(Log, UnknownLevelsAreRefused) {
  EXPECT_TRUE(log_set_level("debug"));
  EXPECT_TRUE(log_set_level("info"));
  EXPECT_FALSE(log_set_level("verbose"));
}

// A secret is no log field: this does not compile if somebody adds the conversion.
static_assert(!std::is_constructible_v<LogField, const char*, SecretString>);

}  // namespace
}  // namespace poolwright

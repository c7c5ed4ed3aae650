#include "cli/yaml_text.h"

#include <gtest/gtest.h>

#include "api/yaml.h"

namespace poolwright::cli {
namespace {

using api::Json;

TEST(YamlText, PutsFirstWhatAReaderLooksForFirst) {
  const Json object = {{"spec", {{"b", 1}, {"a", {1, "x"}}}},
                       {"metadata", {{"namespace", "shop"}, {"name", "orders"}}},
                       {"kind", "Thing"},
                       {"apiVersion", "v1"}};
  EXPECT_EQ(yaml_text(object),
            "apiVersion: v1\n"
            "kind: Thing\n"
            "metadata:\n"
            "  name: orders\n"
            "  namespace: shop\n"
            "spec:\n"
            "  a:\n"
            "    - 1\n"
            "    - x\n"
            "  b: 1\n");
}

TEST(YamlText, ReadsBackToTheSameValues) {
  const char* texts[] = {"",       " ",          "true", "Yes",  "n",    "null", "~",    "12",     "1.5", "0x10",
                         "1e3",    "2026-01-01", "a: b", "- a",  "#",    "'",    "\"",   "\\",     "*a",  "&a",
                         "!a",     "%a",         "@a",   "`a",   "{",    "[",    "a\nb", "a\nb\n", "\na", " a\nb",
                         "a\r\nb", "tab\tin",    "ü 漢", "a #b", "key:", "|",    ">",    "?"};
  for (const char* text : texts) {
    const Json object = {{"kind", "Thing"}, {"text", text}, {"list", {text, {{"in", text}}}}};
    const auto read = api::read_yaml(yaml_text(object));
    ASSERT_TRUE(read.has_value()) << text << "\n" << yaml_text(object);
    ASSERT_EQ(read->size(), 1U) << text;
    EXPECT_EQ((*read)[0].json, object) << yaml_text(object);
  }
}

TEST(YamlText, KeepsTypesAndEmptyContainers) {
  const Json object = {{"number", 5},     {"negative", -5},          {"no", false},
                       {"null", nullptr}, {"empty", Json::object()}, {"none", Json::array()}};
  const auto read = api::read_yaml(yaml_text(object));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ((*read)[0].json, object);
}

}  // namespace
}  // namespace poolwright::cli

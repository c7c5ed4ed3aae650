#include "cli/table.h"

#include <gtest/gtest.h>

#include "cli/diff_view.h"

namespace poolwright::cli {
namespace {

TEST(Table, NumbersToTheRightAndNoBlanksAtTheEnd) {
  EXPECT_EQ(table({"NAME", "SIZE", "NOTE"}, {{"orders", "5", "fine"}, {"x", "125", ""}}, {}),
            "  NAME    SIZE  NOTE\n"
            "  orders     5  fine\n"
            "  x        125\n");
}

TEST(Table, TheLastColumnIsCutToTheTerminal) {
  const std::string text =
      table({"NAME", "MESSAGE"}, {{"orders", "a message that goes on and on and on"}}, {.width = 30});
  EXPECT_EQ(text,
            "  NAME    MESSAGE\n"
            "  orders  a message that go...\n");
}

TEST(Table, ColoursOnlyWhereAskedFor) {
  const std::vector<Row> rows = {{Cell("yes", Tone::kGood), Cell("no", Tone::kBad)}};
  EXPECT_EQ(table({"A", "B"}, rows, {}).find('\x1b'), std::string::npos);
  EXPECT_NE(table({"A", "B"}, rows, {.colours = true}).find("\x1b[32myes\x1b[0m"), std::string::npos);
}

TEST(Table, WhatATerminalWouldObeyIsNotPrinted) {
  EXPECT_EQ(printable("a\x1b[2Jb\nc"), "a?[2Jb c");
  EXPECT_EQ(table({"A"}, {{"x\x1by"}}, {}), "  A\n  x?y\n");
}

TEST(LineDifference, ShowsWhatGoesAndWhatComes) {
  EXPECT_EQ(line_difference("a\nb\nc\n", "a\nB\nc\nd\n", "", {}), "- b\n+ B\n+ d\n");
  EXPECT_EQ(line_difference("a\n", "a\n", "", {}), "");
}

TEST(Difference, NamesFieldsAndNeverShowsSecrets) {
  const api::Json stored = {{"kind", "Secret"}, {"data", {{"a", "old-value"}}}, {"extra", 1}};
  const api::Json wanted = {{"kind", "Secret"}, {"data", {{"a", "new-value"}}}, {"type", "Opaque"}};
  EXPECT_EQ(difference_text(stored, wanted, {}), "    data.a: changes (not shown)\n    type: (none) -> \"Opaque\"\n");
}

TEST(Difference, DefaultsOfTheServerAreNoDifference) {
  const api::Json stored = {{"spec", {{"ports", {{{"port", 1}, {"protocol", "TCP"}}}}, {"x", 1}}}};
  const api::Json wanted = {{"spec", {{"ports", {{{"port", 1}}}}}}};
  EXPECT_EQ(difference_text(stored, wanted, {}), "");
  EXPECT_NE(difference_text(stored, {{"spec", {{"ports", {{{"port", 2}}}}}}}, {}), "");
}

}  // namespace
}  // namespace poolwright::cli

// Tables and words for a terminal: aligned, cut to its width, coloured only where that was asked for.
// Thread rule: pure functions over plain values.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace poolwright::cli {

/// How what is printed may look.
struct Style {
  bool colours = false;
  std::size_t width = 0;  // of the terminal; 0: no limit
};

enum class Tone { kPlain, kGood, kBad, kWarning, kDim, kBold };

struct Cell {
  std::string text;
  Tone tone = Tone::kPlain;
  Cell(std::string value, Tone how = Tone::kPlain)  // NOLINT(google-explicit-constructor): a cell is a text
      : text(std::move(value)), tone(how) {}
  Cell(const char* value) : text(value) {}  // NOLINT(google-explicit-constructor): the same
};

using Row = std::vector<Cell>;

std::string toned(const std::string& text, Tone tone, const Style& style);

/// A head line and the rows, each two spaces in; numbers to the right. Where the terminal is too narrow the last column
/// is cut, ending in "...".
std::string table(const std::vector<std::string>& heads, const std::vector<Row>& rows, const Style& style);

/// What a terminal could take for a command (control characters of a name or message) becomes "?".
std::string printable(const std::string& text);

}  // namespace poolwright::cli

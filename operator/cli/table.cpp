#include "cli/table.h"

#include <algorithm>

namespace poolwright::cli {

namespace {

constexpr std::size_t kLastWidthMin = 12;

/// Characters of UTF-8 text; what is wider than one column is rare in names and messages.
std::size_t columns_of(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::string cut(const std::string& text, std::size_t columns) {
  if (columns_of(text) <= columns) return text;
  std::string result;
  std::size_t count = 0;
  for (const char c : text) {
    if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80U && ++count > columns - 3) break;
    result += c;
  }
  return result + "...";
}

bool is_number(const std::string& text) {
  return text.empty() || text == "-" ||
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::string toned(const std::string& text, Tone tone, const Style& style) {
  if (!style.colours || tone == Tone::kPlain || text.empty()) return text;
  static const std::vector<const char*> kCodes = {"", "32", "31", "33", "2", "1"};
  return std::string("\x1b[") + kCodes.at(static_cast<std::size_t>(tone)) + "m" + text + "\x1b[0m";
}

std::string printable(const std::string& text) {
  std::string result = text;
  for (char& c : result) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = c == '\n' || c == '\t' ? ' ' : '?';
  }
  return result;
}

std::string table(const std::vector<std::string>& heads, const std::vector<Row>& rows, const Style& style) {
  const std::size_t count = heads.size();
  std::vector<std::size_t> widths(count, 0);
  std::vector<bool> numeric(count, true);
  for (std::size_t i = 0; i < count; ++i) widths[i] = heads[i].size();
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], columns_of(printable(row[i].text)));
      numeric[i] = numeric[i] && is_number(row[i].text);
    }
  }
  std::size_t before_last = 2;
  for (std::size_t i = 0; i + 1 < count; ++i) before_last += widths[i] + 2;
  if (style.width > 0 && before_last + widths.back() > style.width) {
    widths.back() = style.width > before_last + kLastWidthMin ? style.width - before_last : kLastWidthMin;
  }
  const auto line = [&](const Row& row) {
    std::string text = " ";
    for (std::size_t i = 0; i < count; ++i) {
      const std::string plain = i < row.size() ? cut(printable(row[i].text), widths[i]) : std::string();
      const std::string padding(widths[i] - columns_of(plain), ' ');
      const std::string shown = i < row.size() ? toned(plain, row[i].tone, style) : plain;
      const bool is_last = i + 1 == count && !numeric[i];
      text += " " + (i > 0 ? std::string(" ") : std::string()) +
              (numeric[i] && !rows.empty() ? padding + shown : shown + (is_last ? "" : padding));
    }
    text.erase(text.find_last_not_of(' ') + 1);
    return text + "\n";
  };
  Row head;
  for (const std::string& name : heads) head.emplace_back(name, Tone::kBold);
  std::string text = line(head);
  for (const Row& row : rows) text += line(row);
  return text;
}

}  // namespace poolwright::cli

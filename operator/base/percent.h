// Percent-encoding of URLs (RFC 3986, section 2.1), the reading half. Thread rule: pure functions.
#pragma once

#include <optional>
#include <string_view>

namespace poolwright {

inline std::optional<int> hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

/// The byte (0-255) of the escape that `text` begins with: 65 for "%41..."; nothing where it begins with none.
inline std::optional<int> percent_escape(std::string_view text) {
  if (text.size() < 3 || text[0] != '%') return std::nullopt;
  const std::optional<int> high = hex_digit(text[1]);
  const std::optional<int> low = hex_digit(text[2]);
  if (!high || !low) return std::nullopt;
  return *high * 16 + *low;
}

}  // namespace poolwright

// How PgBouncer takes the text of its ini file apart: classes of characters, and the first step of every reader.
// Thread rule: pure functions.
#pragma once

#include <algorithm>
#include <string_view>

namespace poolwright::render {

// isspace and isalnum of the C locale, which is what PgBouncer runs in; bytes of UTF-8 are neither.
inline bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
inline bool is_blank(char c) { return c == ' ' || c == '\t'; }
inline bool is_key_character(char c) {
  const bool is_alphanumeric = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  return is_alphanumeric || c == '_' || c == '.' || c == '-' || c == '*';
}

/// Takes the characters for which `predicate` holds off the front of `text`.
template <typename Predicate>
std::string_view take_while(std::string_view& text, Predicate predicate) {
  const auto end = std::find_if_not(text.begin(), text.end(), predicate);
  const std::string_view taken = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  text.remove_prefix(taken.size());
  return taken;
}

}  // namespace poolwright::render

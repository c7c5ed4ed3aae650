// What a line of a configuration file can carry. Everything that reaches one goes through here first: a line break in a
// value would be a new line of PgBouncer's configuration. Thread rule: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace poolwright::render {

/// Valid UTF-8 (no overlong forms, no surrogates) without control characters: C0, DEL, C1 (U+0080-U+009F), and without
/// the line and paragraph separators U+2028 and U+2029 that some readers take for a line break.
bool is_one_line(std::string_view text);

/// Number of decimal digits only, without sign and without leading zero ("0" itself is allowed): PgBouncer reads "010"
/// as octal and "0x10" as hexadecimal. At most 10 digits.
bool is_plain_integer(std::string_view text);

/// ^[A-Za-z_][A-Za-z0-9_-]{0,62}$, the names that every URL reader and every PgBouncer take without quoting.
bool is_plain_database_name(std::string_view text);

/// Parts between separators, each without surrounding spaces; empty parts are left out.
std::vector<std::string> split_list(std::string_view text, char separator);

/// The parts with `separator` between them.
std::string join(const std::vector<std::string>& parts, std::string_view separator);

/// Every `from` in the text replaced by `to`.
std::string replace_all(std::string_view text, char from, std::string_view to);

}  // namespace poolwright::render

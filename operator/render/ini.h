// The configuration of one PgBouncer as values, and its text. The text has `[databases]` before `[pgbouncer]`: an error
// in a database line then stops a RELOAD before any setting was reset to its default; and it has one `[pgbouncer]`
// header, because every further one resets all settings again. Thread rule: pure functions over plain values.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace poolwright::render {

struct Setting {
  std::string key;
  std::string value;
  friend bool operator==(const Setting&, const Setting&) = default;
};

/// One line of [databases] or [users]: a name and a connection string.
struct IniEntry {
  std::string name;
  std::vector<Setting> settings;
  friend bool operator==(const IniEntry&, const IniEntry&) = default;
};

struct Ini {
  std::vector<IniEntry> databases;
  std::vector<IniEntry> users;
  std::vector<Setting> pgbouncer;
  friend bool operator==(const Ini&, const Ini&) = default;
};

/// Largest configuration that is written or read; 64 databases are about 32 KiB.
inline constexpr std::size_t kIniBytesMax = 1048576;

/// The text that PgBouncer reads back to exactly these values. Invalid where there is none: a name or key that needs
/// quoting (no version before 1.26 can), a value with a control character, an empty value in a connection string, a
/// value of [pgbouncer] with spaces at its ends. The message names the key and never holds a value.
Result<std::string> to_text(const Ini& ini);

/// 'it''s' - a value inside a connection string.
std::string quoted_value(std::string_view value);

/// Reads a file as PgBouncer 1.18 does (lib/usual/cfparser.c, src/loader.c), without %include. Invalid with the line
/// where PgBouncer would stop. Later settings of the same key follow earlier ones, as in the file.
Result<Ini> parse_ini(std::string_view text);

/// "host=a user='it''s'" of a line of [databases] or [users]; nullopt where PgBouncer says "syntax error in connection
/// string".
std::optional<std::vector<Setting>> parse_connection_string(std::string_view text);

/// The value that PgBouncer ends up with: the last one of that key; nullptr where there is none.
const std::string* find_setting(const std::vector<Setting>& settings, std::string_view key);

}  // namespace poolwright::render

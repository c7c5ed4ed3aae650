// The assignments of a hand-written pgbouncer.ini in the order in which PgBouncer reads them, %include followed, each
// with its place. The grammar is that of lib/usual/cfparser.c, with the quoted names of 1.26.
// Thread rule: pure functions; whoever calls gives a way to read files.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace poolwright::importer {

struct Place {
  std::string file;
  int line = 0;
  friend bool operator==(const Place&, const Place&) = default;
};
/// "pgbouncer.ini:12".
std::string to_string(const Place& place);

/// `key = value` of a section; a section header itself has an empty key.
struct IniLine {
  Place place;
  std::string section;
  std::string key;
  std::string value;
};

/// Text of a file by the path that the ini gives, which PgBouncer takes relative to its working directory.
using FileReader = std::function<Result<std::string>(const std::string& path)>;

inline constexpr int kIncludeDepthMax = 10;
inline constexpr std::size_t kLinesMax = 65536;

/// Invalid with the place at which PgBouncer would stop, and why.
Result<std::vector<IniLine>> read_lines(const std::string& path, const FileReader& read_file);

}  // namespace poolwright::importer

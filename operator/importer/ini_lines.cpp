#include "importer/ini_lines.h"

#include <algorithm>
#include <optional>

#include "render/ini.h"
#include "render/ini_characters.h"

namespace poolwright::importer {

namespace {

constexpr std::string_view kInclude = "%include";

using render::is_blank;
using render::is_key_character;
using render::is_space;
using render::take_while;

std::string_view take_line(std::string_view& text) {
  std::string_view line = take_while(text, [](char c) { return c != '\n'; });
  while (!line.empty() && is_space(line.back())) line.remove_suffix(1);
  return line;
}

/// All files share the section that is open, as in PgBouncer: a fragment goes on where its reader stands.
class Reader {
 public:
  explicit Reader(const FileReader& read_file) : read_file_(read_file) {}

  Status read(const std::string& path, int depth, const Place& from) {
    if (depth >= kIncludeDepthMax) return broken(from, "%include goes deeper than 10 files");
    auto text = read_file_(path);
    if (!text) {
      return depth == 0 ? Status(std::move(text).error()) : broken(from, "%include: " + text.error().message);
    }
    if (text->size() > render::kIniBytesMax) return broken({path, 1}, "the file must have at most 1 MiB");
    // PgBouncer reads the file as one C string.
    return read_text(path, std::string_view(*text).substr(0, text->find('\0')), depth);
  }

  std::vector<IniLine> lines;

 private:
  static Error broken(const Place& place, const std::string& why) {
    return make_error(ErrorKind::kInvalid, to_string(place) + ": " + why);
  }

  Status read_text(const std::string& path, std::string_view whole, int depth) {
    std::string_view rest = whole;
    Place place{path, 1};
    std::size_t counted = 0;
    while (true) {
      take_while(rest, is_space);
      const std::size_t done = whole.size() - rest.size();
      place.line += static_cast<int>(std::count(whole.begin() + static_cast<std::ptrdiff_t>(counted),
                                                whole.begin() + static_cast<std::ptrdiff_t>(done), '\n'));
      counted = done;
      if (rest.empty()) return ok();
      PW_RETURN_IF_ERROR(read_item(rest, place, depth));
      if (lines.size() > kLinesMax) return broken(place, "must have at most 65536 settings");
    }
  }

  Status read_item(std::string_view& rest, const Place& place, int depth) {
    if (rest.starts_with(kInclude) && rest.size() > kInclude.size() && is_blank(rest[kInclude.size()])) {
      rest.remove_prefix(kInclude.size());
      take_while(rest, is_blank);
      return read(std::string(take_line(rest)), depth + 1, place);
    }
    if (rest.front() == '#' || rest.front() == ';') {
      take_line(rest);
      return ok();
    }
    return rest.front() == '[' ? read_header(rest, place) : read_assignment(rest, place);
  }

  Status read_header(std::string_view& rest, const Place& place) {
    rest.remove_prefix(1);
    section_ = take_while(rest, [](char c) { return c != ']' && c != '\n'; });
    if (!rest.starts_with(']')) return broken(place, "the section header has no ]");
    rest.remove_prefix(1);
    lines.push_back({.place = place, .section = section_, .key = {}, .value = {}});
    return ok();
  }

  /// 'it''s': names that need quotes, from 1.26 on.
  static std::optional<std::string> take_quoted_key(std::string_view& rest) {
    std::string key;
    rest.remove_prefix(1);
    while (!rest.empty() && rest.front() != '\n' && (rest.front() != '\'' || rest.starts_with("''"))) {
      rest.remove_prefix(rest.front() == '\'' ? 1 : 0);
      key += rest.front();
      rest.remove_prefix(1);
    }
    if (!rest.starts_with('\'')) return std::nullopt;
    rest.remove_prefix(1);
    return key;
  }

  Status read_assignment(std::string_view& rest, const Place& place) {
    std::string key;
    if (rest.front() == '"') return broken(place, "PgBouncer reads no name in double quotes; 1.26 reads single ones");
    if (rest.front() == '\'') {
      auto quoted = take_quoted_key(rest);
      if (!quoted) return broken(place, "the quoted name does not end");
      key = *std::move(quoted);
    } else {
      key = take_while(rest, is_key_character);
    }
    take_while(rest, is_blank);
    if (key.empty() || !rest.starts_with('=')) return broken(place, "syntax error: key = value is expected");
    rest.remove_prefix(1);
    take_while(rest, is_blank);
    if (section_.empty()) return broken(place, "a value stands before the first section");
    lines.push_back(
        {.place = place, .section = section_, .key = std::move(key), .value = std::string(take_line(rest))});
    return ok();
  }

  const FileReader& read_file_;
  std::string section_;
};

}  // namespace

std::string to_string(const Place& place) { return place.file + ":" + std::to_string(place.line); }

Result<std::vector<IniLine>> read_lines(const std::string& path, const FileReader& read_file) {
  Reader reader(read_file);
  PW_RETURN_IF_ERROR(reader.read(path, 0, {path, 0}));
  return std::move(reader.lines);
}

}  // namespace poolwright::importer

#include <algorithm>
#include <optional>

#include "render/ini.h"
#include "render/ini_characters.h"

namespace poolwright::render {

namespace {

constexpr std::size_t kEntriesMax = 4096;

bool not_newline(char c) { return c != '\n'; }

/// Value of a connection string after its '='; nullopt where PgBouncer refuses it (no end quote, empty).
std::optional<std::string> take_value(std::string_view& rest) {
  take_while(rest, [](char c) { return c == ' '; });
  std::string value;
  if (!rest.starts_with('\'')) {
    // Only a space ends an unquoted value: a tab and what follows it become part of it.
    value = take_while(rest, [](char c) { return c != ' '; });
  } else {
    rest.remove_prefix(1);
    while (!rest.empty() && (rest.front() != '\'' || rest.starts_with("''"))) {
      rest.remove_prefix(rest.front() == '\'' ? 1 : 0);
      value += rest.front();
      rest.remove_prefix(1);
    }
    if (rest.empty()) return std::nullopt;
    rest.remove_prefix(1);
  }
  // The character behind the value is dropped unseen, whatever it is.
  rest.remove_prefix(std::min<std::size_t>(1, rest.size()));
  if (value.empty()) return std::nullopt;
  return value;
}

class IniReader {
 public:
  explicit IniReader(std::string_view text) : whole_(text), rest_(text) {}

  Result<Ini> read() {
    while (true) {
      take_while(rest_, is_space);
      if (rest_.empty()) break;
      PW_RETURN_IF_ERROR(read_item());
    }
    if (!has_pgbouncer_) return broken("the section [pgbouncer] is missing");
    return std::move(ini_);
  }

 private:
  Error broken(const std::string& reason) const {
    const std::string_view done = whole_.substr(0, whole_.size() - rest_.size());
    const auto line = 1 + std::count(done.begin(), done.end(), '\n');
    return make_error(ErrorKind::kInvalid, "read pgbouncer.ini: line " + std::to_string(line) + ": " + reason);
  }

  Status read_item() {
    constexpr std::string_view kInclude = "%include";
    if (rest_.starts_with(kInclude) && rest_.size() > kInclude.size() && is_blank(rest_[kInclude.size()])) {
      return broken("%include is not read here");
    }
    if (rest_.front() == '#' || rest_.front() == ';') {
      take_while(rest_, not_newline);
      return ok();
    }
    return rest_.front() == '[' ? read_header() : read_assignment();
  }

  Status read_header() {
    rest_.remove_prefix(1);
    const std::string_view name = take_while(rest_, [](char c) { return c != ']' && c != '\n'; });
    if (!rest_.starts_with(']')) return broken("the section header has no ]");
    rest_.remove_prefix(1);
    if (name != "pgbouncer" && name != "databases" && name != "users") return broken("unknown section");
    section_ = name;
    has_pgbouncer_ = has_pgbouncer_ || name == "pgbouncer";
    // A second header puts every setting back to its default.
    if (name == "pgbouncer") ini_.pgbouncer.clear();
    return ok();
  }

  Status read_assignment() {
    const std::string_view key = take_while(rest_, is_key_character);
    take_while(rest_, is_blank);
    if (!rest_.starts_with('=')) return broken("syntax error: key = value is expected");
    rest_.remove_prefix(1);
    take_while(rest_, is_blank);
    std::string_view value = rest_;
    std::string_view line = take_while(value, not_newline);
    while (!line.empty() && is_space(line.back())) line.remove_suffix(1);
    PW_RETURN_IF_ERROR(store(key, line));
    rest_ = value;
    return ok();
  }

  Status store(std::string_view key, std::string_view value) {
    if (section_.empty()) return broken("a value stands before the first section");
    if (section_ == "pgbouncer") {
      if (ini_.pgbouncer.size() >= kEntriesMax) return broken("must have at most 4096 settings");
      ini_.pgbouncer.push_back({.key = std::string(key), .value = std::string(value)});
      return ok();
    }
    std::vector<IniEntry>& entries = section_ == "databases" ? ini_.databases : ini_.users;
    auto settings = parse_connection_string(value);
    if (!settings) return broken("syntax error in connection string");
    if (entries.size() >= kEntriesMax) return broken("must have at most 4096 entries");
    entries.push_back({.name = std::string(key), .settings = *std::move(settings)});
    return ok();
  }

  std::string_view whole_;
  std::string_view rest_;
  std::string_view section_;
  bool has_pgbouncer_ = false;
  Ini ini_;
};

}  // namespace

std::optional<std::vector<Setting>> parse_connection_string(std::string_view text) {
  std::vector<Setting> settings;
  const auto is_plain_space = [](char c) { return c == ' '; };
  take_while(text, is_plain_space);
  while (!text.empty()) {
    const std::string_view key = take_while(text, [](char c) { return c != '=' && c != ' '; });
    take_while(text, is_plain_space);
    if (key.empty() || !text.starts_with('=')) return std::nullopt;
    text.remove_prefix(1);
    auto value = take_value(text);
    if (!value) return std::nullopt;
    settings.push_back({.key = std::string(key), .value = *std::move(value)});
    take_while(text, is_plain_space);
  }
  return settings;
}

Result<Ini> parse_ini(std::string_view text) {
  if (text.size() > kIniBytesMax) return make_error(ErrorKind::kInvalid, "read pgbouncer.ini: must have at most 1 MiB");
  // PgBouncer reads the file as one C string.
  return IniReader(text.substr(0, text.find('\0'))).read();
}

}  // namespace poolwright::render

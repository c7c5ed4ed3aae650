#include "render/ini.h"

#include <algorithm>

#include "render/text.h"

namespace poolwright::render {

namespace {

constexpr std::size_t kNameBytesMax = 63;

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

/// What cfparser takes for a key without quotes.
bool is_plain_key(std::string_view key) {
  return !key.empty() && key.size() <= kNameBytesMax && std::all_of(key.begin(), key.end(), [](char c) {
    return is_letter_or_digit(c) || c == '_' || c == '.' || c == '-';
  });
}

/// Whether a connection string can have the value without quotes. Numbers and words read better that way.
bool is_plain_value(std::string_view value) {
  return !value.empty() &&
         std::all_of(value.begin(), value.end(), [](char c) { return is_letter_or_digit(c) || c == '_' || c == '-'; });
}

Error cannot_write(std::string_view section, std::string_view key, std::string_view reason) {
  std::string message = "render pgbouncer.ini: [" + std::string(section) + "] ";
  message.append(is_plain_key(key) ? key : std::string_view("(name)")).append(": ").append(reason);
  return make_error(ErrorKind::kInvalid, std::move(message));
}

Status append_connection_string(std::string& text, std::string_view section, const IniEntry& entry) {
  if (!is_plain_key(entry.name)) {
    return cannot_write(section, entry.name, "the name must have 1 to 63 of the characters A-Z a-z 0-9 _ . -");
  }
  text.append(entry.name).append(" =");
  for (const Setting& setting : entry.settings) {
    if (!is_plain_key(setting.key)) return cannot_write(section, entry.name, "has a key that is no option name");
    if (setting.value.empty()) return cannot_write(section, entry.name, setting.key + " must not be empty");
    if (!is_one_line(setting.value)) {
      return cannot_write(section, entry.name, setting.key + " must be one line without control characters");
    }
    const bool is_plain = is_plain_value(setting.value);
    text.append(" ").append(setting.key).append("=").append(is_plain ? setting.value : quoted_value(setting.value));
  }
  text.append("\n");
  return ok();
}

Status append_setting(std::string& text, const Setting& setting) {
  const std::string& value = setting.value;
  if (!is_plain_key(setting.key)) return cannot_write("pgbouncer", setting.key, "is no option name");
  if (!is_one_line(value)) {
    return cannot_write("pgbouncer", setting.key, "the value must be one line without control characters");
  }
  if (!value.empty() && (value.front() == ' ' || value.back() == ' ')) {
    return cannot_write("pgbouncer", setting.key, "the value must not start or end with a space");
  }
  text.append(setting.key).append(" =").append(value.empty() ? "" : " ").append(value).append("\n");
  return ok();
}

}  // namespace

std::string quoted_value(std::string_view value) { return "'" + replace_all(value, '\'', "''") + "'"; }

Result<std::string> to_text(const Ini& ini) {
  std::string text = "[databases]\n";
  for (const IniEntry& entry : ini.databases) PW_RETURN_IF_ERROR(append_connection_string(text, "databases", entry));
  if (!ini.users.empty()) text += "\n[users]\n";
  for (const IniEntry& entry : ini.users) PW_RETURN_IF_ERROR(append_connection_string(text, "users", entry));
  text += "\n[pgbouncer]\n";
  for (const Setting& setting : ini.pgbouncer) PW_RETURN_IF_ERROR(append_setting(text, setting));
  if (text.size() > kIniBytesMax) {
    return make_error(ErrorKind::kInvalid, "render pgbouncer.ini: must have at most 1 MiB");
  }
  return text;
}

const std::string* find_setting(const std::vector<Setting>& settings, std::string_view key) {
  const auto found =
      std::find_if(settings.rbegin(), settings.rend(), [&](const Setting& setting) { return setting.key == key; });
  return found == settings.rend() ? nullptr : &found->value;
}

}  // namespace poolwright::render

#include "importer/installation.h"

#include <algorithm>

#include "render/ini.h"

namespace poolwright::importer {

namespace {

Error broken(const Place& place, const std::string& why) {
  return make_error(ErrorKind::kInvalid, to_string(place) + ": " + why);
}

Status add_entry(const IniLine& line, std::vector<Entry>& entries) {
  const auto settings = render::parse_connection_string(line.value);
  if (!settings) return broken(line.place, "syntax error in connection string");
  Entry entry{.name = line.key, .place = line.place, .settings = {}};
  for (const render::Setting& setting : *settings) entry.settings[setting.key] = setting.value;
  const auto found =
      std::find_if(entries.begin(), entries.end(), [&](const Entry& other) { return other.name == entry.name; });
  if (found == entries.end()) {
    entries.push_back(std::move(entry));
  } else {
    *found = std::move(entry);
  }
  return ok();
}

}  // namespace

const Entry* Installation::find_user(std::string_view name) const {
  const auto found = std::find_if(users.begin(), users.end(), [&](const Entry& user) { return user.name == name; });
  return found == users.end() ? nullptr : &*found;
}

Result<Installation> read_installation(const std::vector<IniLine>& lines) {
  Installation installation;
  for (const IniLine& line : lines) {
    const bool is_header = line.key.empty();
    if (line.section == "pgbouncer") {
      // Every further header puts all settings back to their defaults.
      if (is_header) installation.pgbouncer.clear();
      if (!is_header) installation.pgbouncer[line.key] = {.text = line.value, .place = line.place};
    } else if (line.section == "databases" || line.section == "users") {
      if (is_header) continue;
      PW_RETURN_IF_ERROR(add_entry(line, line.section == "users" ? installation.users : installation.databases));
    } else if (line.section == "peers") {
      if (!is_header) installation.peers.push_back(line.place);
    } else {
      return broken(line.place, "PgBouncer has no section [" + line.section + "]");
    }
  }
  return installation;
}

std::string to_string(const Subject& subject) {
  std::string text = "[" + subject.section + "]";
  if (!subject.name.empty()) text += " " + subject.name;
  if (subject.key.empty()) return text;
  return text + (subject.name.empty() ? " " : ": ") + subject.key;
}

}  // namespace poolwright::importer

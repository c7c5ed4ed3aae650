// What a hand-written installation says in the end: of every setting the value that PgBouncer would run with, and what
// the import has to say about it. Thread rule: plain values, pure functions.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "importer/ini_lines.h"

namespace poolwright::importer {

struct Value {
  std::string text;
  Place place;
};

/// One line of [databases] or [users].
struct Entry {
  std::string name;
  Place place;
  std::map<std::string, std::string> settings;  // the last one of each key
};

struct Installation {
  std::map<std::string, Value> pgbouncer;
  std::vector<Entry> databases;  // by their first line; of one name the last line counts
  std::vector<Entry> users;
  std::vector<Place> peers;

  const Entry* find_user(std::string_view name) const;
};

/// Invalid with the place at which PgBouncer would stop.
Result<Installation> read_installation(const std::vector<IniLine>& lines);

/// A setting by its section, the name of its line ("" in [pgbouncer]) and its key ("" for the whole line).
struct Subject {
  std::string section;
  std::string name;
  std::string key;
  friend auto operator<=>(const Subject&, const Subject&) = default;
};
/// "[databases] orders: connect_query".
std::string to_string(const Subject& subject);

/// Something that is not as it was. Never holds a value of a password.
struct Note {
  bool dropped = false;  // else carried with a change
  Place place;
  Subject subject;
  std::string why;
};

}  // namespace poolwright::importer

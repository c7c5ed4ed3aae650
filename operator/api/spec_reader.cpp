#include "api/spec_reader.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <string_view>

#include "api/bounds.h"
#include "api/enum_words.h"
#include "api/fields.h"

namespace poolwright::api {

namespace {

/// The integer that a JSON number stands for; 5.0 stands for 5, as it does for the API server.
std::optional<std::int64_t> integer_of(const Json& value) {
  if (value.is_number_unsigned()) {
    const auto number = value.get<std::uint64_t>();
    constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    return number <= kMax ? std::optional(static_cast<std::int64_t>(number)) : std::nullopt;
  }
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (!value.is_number_float()) return std::nullopt;
  const double number = value.get<double>();
  constexpr double kExactMax = 9007199254740992.0;  // 2^53
  if (!(std::abs(number) <= kExactMax) || std::trunc(number) != number) return std::nullopt;
  return static_cast<std::int64_t>(number);
}

class SpecReader {
 public:
  SpecReader(const Json& object, std::string path, std::vector<FieldError>& errors)
      : object_(object), path_(std::move(path)), errors_(errors) {}

  void integer(const char* name, std::int32_t& member, Range range) {
    const Json* value = find(name);
    if (value == nullptr) return;
    const std::optional<std::int64_t> number = integer_of(*value);
    const bool fits = number && *number >= std::numeric_limits<std::int32_t>::min() &&
                      *number <= std::numeric_limits<std::int32_t>::max();
    if (!fits) return add(name, words_of(range) + ", got " + found(*value));
    member = static_cast<std::int32_t>(*number);
  }
  void integer(const char* name, std::optional<std::int32_t>& member, Range range) {
    if (!has(name)) return know(name);
    std::int32_t number = range.max;
    integer(name, number, range);
    member = number;
  }

  void flag(const char* name, bool& member) {
    const Json* value = find(name);
    if (value == nullptr) return;
    if (!value->is_boolean()) return add(name, "must be true or false, got " + found(*value));
    member = value->get<bool>();
  }

  template <typename Enum>
  void choice(const char* name, Enum& member) {
    const Json* value = find(name);
    if (value == nullptr) return;
    std::string words;
    for (const auto& [candidate, word] : kWords<Enum>) {
      if (*value == word) {
        member = candidate;
        return;
      }
      words += (words.empty() ? "" : ", ") + std::string(word);
    }
    add(name, "must be one of " + words + ", got " + found(*value));
  }

  void text(const char* name, std::string& member, const Text& text) {
    const Json* value = find(name);
    if (value == nullptr) {
      if (text.presence == Presence::kRequired) add(name, "is required");
      return;
    }
    if (!value->is_string()) return add(name, words_of_text(text) + ", got " + found(*value));
    member = value->get<std::string>();
  }
  void text(const char* name, std::optional<std::string>& member, const Text& spec) {
    if (!has(name)) return know(name);
    std::string value;
    text(name, value, spec);
    member = std::move(value);
  }

  template <typename Struct>
  void object(const char* name, Struct& member, Presence presence) {
    const Json* value = find(name);
    if (value == nullptr) {
      if (presence == Presence::kRequired) add(name, "is required");
      return;
    }
    read_object(*value, member_path(path_, name), member);
  }
  template <typename Struct>
  void object(const char* name, std::optional<Struct>& member, Presence presence) {
    if (!has(name)) return know(name);
    member.emplace();
    object(name, *member, presence);
  }

  template <typename Struct>
  void list(const char* name, std::vector<Struct>& members, ListBounds bounds) {
    const Json* value = find_list(name, bounds);
    if (value == nullptr) return;
    const std::string path = member_path(path_, name);
    members.resize(value->size());
    for (std::size_t i = 0; i < members.size(); ++i) read_object((*value)[i], item_path(path, i), members[i]);
  }

  void texts(const char* name, std::vector<std::string>& members, ListBounds bounds, const Text& text) {
    const Json* value = find_list(name, bounds);
    if (value == nullptr) return;
    for (std::size_t i = 0; i < value->size(); ++i) {
      const Json& item = (*value)[i];
      if (item.is_string()) {
        members.push_back(item.get<std::string>());
      } else {
        add_at(item_path(member_path(path_, name), i), words_of_text(text) + ", got " + found(item));
      }
    }
  }

  void map(const char* name, std::map<std::string, std::string>& members, MapKind kind) {
    const Json* value = find(name);
    if (value == nullptr) return;
    if (!value->is_object()) return add(name, "must be an object, got " + found(*value));
    members.clear();
    for (const auto& [key, entry] : value->items()) {
      if (std::optional<std::string> text = map_value(entry, kind)) {
        members.emplace(key, std::move(*text));
      } else {
        const char* allowed =
            bounds_of(kind).integers_allowed ? "must be text or an integer, got " : "must be text, got ";
        add_at(member_path(member_path(path_, name), key), allowed + found(entry));
      }
    }
  }

  void free_form(const char* name, std::string& member, FreeForm /*form*/) {
    if (const Json* value = find(name)) member = value->dump();
  }

  /// Call after all fields were visited.
  void refuse_unknown_fields() {
    for (const auto& [key, value] : object_.items()) {
      if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
      std::string names;
      for (const std::string_view name : known_) names += (names.empty() ? "" : ", ") + std::string(name);
      add_at(member_path(path_, key), "must not be here: known fields are " + names);
    }
  }

 private:
  /// null stands for an absent field, as it does for the API server.
  bool has(const char* name) const {
    const auto entry = object_.find(name);
    return entry != object_.end() && !entry->is_null();
  }
  void know(const char* name) { known_.emplace_back(name); }
  const Json* find(const char* name) {
    know(name);
    return has(name) ? &*object_.find(name) : nullptr;
  }
  /// A list of at most bounds.max items; anything else is reported.
  const Json* find_list(const char* name, ListBounds bounds) {
    const Json* value = find(name);
    if (value == nullptr) return nullptr;
    if (!value->is_array()) return add(name, "must be a list, got " + found(*value)), nullptr;
    if (value->size() <= bounds.max) return value;
    add(name, "must have at most " + std::to_string(bounds.max) + " items, got " + std::to_string(value->size()));
    return nullptr;
  }

  template <typename Struct>
  void read_object(const Json& value, const std::string& path, Struct& member) {
    if (!value.is_object()) return add_at(path, "must be an object, got " + found(value));
    SpecReader inner(value, path, errors_);
    visit_fields(inner, member);
    inner.refuse_unknown_fields();
  }

  static std::string words_of_text(const Text& text) {
    const bool free_text = text.form == Form::kAnyText || text.form == Form::kAnyLines;
    return free_text ? "must be text" : std::string(words_of(text.form));
  }

  static std::optional<std::string> map_value(const Json& entry, MapKind kind) {
    if (entry.is_string()) return entry.get<std::string>();
    const bool is_integer = entry.is_number_integer() && bounds_of(kind).integers_allowed;
    const std::optional<std::int64_t> number = is_integer ? integer_of(entry) : std::nullopt;
    return number ? std::optional(std::to_string(*number)) : std::nullopt;
  }

  void add(const char* name, std::string message) { add_at(member_path(path_, name), std::move(message)); }
  void add_at(const std::string& path, std::string message) {
    errors_.push_back({.path = path, .message = std::move(message)});
  }

  const Json& object_;
  std::string path_;
  std::vector<FieldError>& errors_;
  std::vector<std::string_view> known_;
};

}  // namespace

ConnectionPoolSpec read_spec(const Json& spec, std::vector<FieldError>& errors) {
  ConnectionPoolSpec result;
  SpecReader reader(spec, "spec", errors);
  visit_fields(reader, result);
  reader.refuse_unknown_fields();
  return result;
}

}  // namespace poolwright::api

#include "api/bounds.h"

#include <map>
#include <optional>

#include "api/free_form.h"
#include "api/text.h"

namespace poolwright::api {

namespace {

/// Visits values that exist; a missing required text is empty and fails its minimum length.
class BoundsChecker {
 public:
  BoundsChecker(std::string path, std::vector<FieldError>& errors) : path_(std::move(path)), errors_(errors) {}

  void integer(const char* name, std::int32_t value, Range range) {
    if (value >= range.min && value <= range.max) return;
    add(member_path(path_, name), words_of(range) + ", got " + std::to_string(value));
  }
  void integer(const char* name, const std::optional<std::int32_t>& value, Range range) {
    if (value) integer(name, *value, range);
  }

  void flag(const char* /*name*/, bool /*value*/) {}
  template <typename Enum>
  void choice(const char* /*name*/, Enum /*value*/) {}

  void text(const char* name, const std::string& value, const Text& text) {
    check_text(member_path(path_, name), value, text);
  }
  void text(const char* name, const std::optional<std::string>& value, const Text& text) {
    if (value) check_text(member_path(path_, name), *value, text);
  }

  template <typename Struct>
  void object(const char* name, const Struct& value, Presence /*presence*/) {
    BoundsChecker inner(member_path(path_, name), errors_);
    visit_fields(inner, value);
  }
  template <typename Struct>
  void object(const char* name, const std::optional<Struct>& value, Presence presence) {
    if (value) object(name, *value, presence);
  }

  template <typename Struct>
  void list(const char* name, const std::vector<Struct>& items, ListBounds bounds) {
    const std::string path = member_path(path_, name);
    check_count(path, items.size(), bounds);
    for (std::size_t i = 0; i < items.size() && i < bounds.max; ++i) {
      BoundsChecker inner(item_path(path, i), errors_);
      visit_fields(inner, items[i]);
    }
  }

  void texts(const char* name, const std::vector<std::string>& items, ListBounds bounds, const Text& text) {
    const std::string path = member_path(path_, name);
    check_count(path, items.size(), bounds);
    for (std::size_t i = 0; i < items.size() && i < bounds.max; ++i) check_text(item_path(path, i), items[i], text);
  }

  void map(const char* name, const std::map<std::string, std::string>& entries, MapKind kind) {
    const std::string path = member_path(path_, name);
    const MapBounds bounds = bounds_of(kind);
    if (entries.size() > bounds.entries_max) {
      add(path, "must have at most " + std::to_string(bounds.entries_max) + " entries, got " +
                    std::to_string(entries.size()));
      return;
    }
    for (const auto& [key, value] : entries) {
      if (!has_form(key, bounds.key)) add(path, std::string(words_of(bounds.key)) + ", got " + shown(key));
      const Text text{.form = bounds.value, .max_length = bounds.value_length_max, .min_length = 0};
      check_text(member_path(path, key), value, text);
    }
  }

  void free_form(const char* name, const std::string& json_text, FreeForm form) {
    check_free_form(json_text, form, member_path(path_, name), errors_);
  }

 private:
  void add(const std::string& path, std::string message) {
    errors_.push_back({.path = path, .message = std::move(message)});
  }

  void check_count(const std::string& path, std::size_t count, ListBounds bounds) {
    if (count >= bounds.min && count <= bounds.max) return;
    add(path, "must have " + std::to_string(bounds.min) + " to " + std::to_string(bounds.max) + " items, got " +
                  std::to_string(count));
  }

  void check_text(const std::string& path, const std::string& value, const Text& text) {
    const std::size_t length = length_of(value);
    if (length < text.min_length) return add(path, "must not be empty");
    if (length > text.max_length) {
      return add(path,
                 "must have at most " + std::to_string(text.max_length) + " characters, got " + std::to_string(length));
    }
    if (length == 0 && text.form != Form::kQuantity) return;
    if (has_form(value, text.form)) return;
    const bool free_text = text.form == Form::kAnyText || text.form == Form::kAnyLines;
    add(path, words_of(text.form) + (free_text ? std::string() : ", got " + shown(value)));
  }

  std::string path_;
  std::vector<FieldError>& errors_;
};

}  // namespace

void check_bounds(const ConnectionPoolSpec& spec, std::vector<FieldError>& errors) {
  BoundsChecker checker("spec", errors);
  visit_fields(checker, spec);
}

std::string words_of(Range range) {
  return "must be an integer from " + std::to_string(range.min) + " to " + std::to_string(range.max);
}

std::string found(const Json& value) {
  if (value.is_array()) return "a list";
  if (value.is_object()) return "an object";
  if (value.is_string()) return shown(value.get_ref<const std::string&>());
  return value.dump();
}

}  // namespace poolwright::api

#include <map>
#include <optional>

#include "api/enum_words.h"
#include "api/fields.h"
#include "api/parse.h"

namespace poolwright::api {

namespace {

/// Writes every field that has a value; an empty text, list or map is left out where that is its default, too.
class SpecWriter {
 public:
  explicit SpecWriter(Json& object) : object_(object) {}

  void integer(const char* name, std::int32_t value, Range /*range*/) { object_[name] = value; }
  void integer(const char* name, const std::optional<std::int32_t>& value, Range range) {
    if (value) integer(name, *value, range);
  }
  void flag(const char* name, bool value) { object_[name] = value; }
  template <typename Enum>
  void choice(const char* name, Enum value) {
    object_[name] = word_of(value);
  }
  void text(const char* name, const std::string& value, const Text& /*text*/) {
    if (!value.empty()) object_[name] = value;
  }
  void text(const char* name, const std::optional<std::string>& value, const Text& spec) {
    if (value) text(name, *value, spec);
  }
  template <typename Struct>
  void object(const char* name, const Struct& value, Presence /*presence*/) {
    object_[name] = json_of(value);
  }
  template <typename Struct>
  void object(const char* name, const std::optional<Struct>& value, Presence presence) {
    if (value) object(name, *value, presence);
  }
  template <typename Struct>
  void list(const char* name, const std::vector<Struct>& items, ListBounds /*bounds*/) {
    for (const Struct& item : items) object_[name].push_back(json_of(item));
  }
  void texts(const char* name, const std::vector<std::string>& items, ListBounds /*bounds*/, const Text& /*text*/) {
    if (!items.empty()) object_[name] = items;
  }
  void map(const char* name, const std::map<std::string, std::string>& entries, MapKind kind) {
    if (!entries.empty() || kind == MapKind::kQuantities) object_[name] = entries;
  }
  void free_form(const char* name, const std::string& json_text, FreeForm /*form*/) {
    constexpr bool kThrow = false;
    Json value = Json::parse(json_text, nullptr, kThrow);
    if (!value.is_discarded() && !value.empty()) object_[name] = std::move(value);
  }

 private:
  template <typename Struct>
  static Json json_of(const Struct& value) {
    Json inner = Json::object();
    SpecWriter writer(inner);
    visit_fields(writer, value);
    return inner;
  }

  Json& object_;
};

}  // namespace

Json pool_json(const ConnectionPool& pool) {
  Json metadata{{"name", pool.name}};
  if (!pool.namespace_name.empty()) metadata["namespace"] = pool.namespace_name;
  if (!pool.uid.empty()) metadata["uid"] = pool.uid;
  if (!pool.resource_version.empty()) metadata["resourceVersion"] = pool.resource_version;
  if (pool.generation != 0) metadata["generation"] = pool.generation;
  if (!pool.labels.empty()) metadata["labels"] = pool.labels;
  if (!pool.annotations.empty()) metadata["annotations"] = pool.annotations;
  Json spec = Json::object();
  SpecWriter writer(spec);
  visit_fields(writer, pool.spec);
  return {{"apiVersion", kApiVersion}, {"kind", kKind}, {"metadata", std::move(metadata)}, {"spec", std::move(spec)}};
}

}  // namespace poolwright::api

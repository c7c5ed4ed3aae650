#include "api/parse.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "api/bounds.h"
#include "api/spec_reader.h"
#include "api/text.h"

namespace poolwright::api {

namespace {

constexpr std::size_t kJsonDepthMax = 64;
constexpr std::size_t kNamespaceLengthMax = 63;

void add(std::vector<FieldError>& errors, const std::string& path, std::string message) {
  errors.push_back({.path = path, .message = std::move(message)});
}

/// Texts and keys that are not UTF-8 (nothing after this can show or write them) and nesting that is too deep.
void check_encoding(const Json& value, const std::string& path, std::size_t depth, std::vector<FieldError>& errors) {
  if (value.is_string() && !is_utf8(value.get_ref<const std::string&>())) add(errors, path, "must be UTF-8");
  if (!value.is_structured()) return;
  if (depth >= kJsonDepthMax) {
    return add(errors, path, "must not be nested deeper than " + std::to_string(kJsonDepthMax) + " levels");
  }
  std::size_t index = 0;
  for (const auto& [key, inner] : value.items()) {
    if (value.is_array()) {
      check_encoding(inner, item_path(path, index++), depth + 1, errors);
    } else if (!is_utf8(key)) {
      add(errors, path, "must have keys that are UTF-8");
    } else {
      check_encoding(inner, member_path(path, key), depth + 1, errors);
    }
  }
}

template <std::size_t kCount>
void refuse_unknown(const Json& object, const std::string& path, const std::array<std::string_view, kCount>& known,
                    std::vector<FieldError>& errors) {
  for (const auto& [key, value] : object.items()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      add(errors, member_path(path, key), "must not be here: there is no such field");
    }
  }
}

std::string read_text(const Json& metadata, const char* name, std::vector<FieldError>& errors) {
  const auto value = metadata.find(name);
  if (value == metadata.end() || value->is_null()) return {};
  if (value->is_string()) return value->get<std::string>();
  add(errors, member_path("metadata", name), "must be text, got " + found(*value));
  return {};
}

std::map<std::string, std::string> read_map(const Json& metadata, const char* name, std::vector<FieldError>& errors) {
  std::map<std::string, std::string> result;
  const auto value = metadata.find(name);
  if (value == metadata.end() || value->is_null()) return result;
  const std::string path = member_path("metadata", name);
  if (!value->is_object()) {
    add(errors, path, "must be an object, got " + found(*value));
    return result;
  }
  for (const auto& [key, entry] : value->items()) {
    if (entry.is_string()) {
      result.emplace(key, entry.get<std::string>());
    } else {
      add(errors, member_path(path, key), "must be text, got " + found(entry));
    }
  }
  return result;
}

void read_metadata(const Json& metadata, ConnectionPool& pool, std::vector<FieldError>& errors) {
  static constexpr std::array<std::string_view, 15> kKnown{"name",
                                                           "generateName",
                                                           "namespace",
                                                           "selfLink",
                                                           "uid",
                                                           "resourceVersion",
                                                           "generation",
                                                           "creationTimestamp",
                                                           "labels",
                                                           "deletionTimestamp",
                                                           "deletionGracePeriodSeconds",
                                                           "annotations",
                                                           "ownerReferences",
                                                           "finalizers",
                                                           "managedFields"};
  refuse_unknown(metadata, "metadata", kKnown, errors);
  pool.name = read_text(metadata, "name", errors);
  if (pool.name.empty()) {
    add(errors, "metadata.name", "is required");
  } else if (!has_form(pool.name, Form::kObjectName)) {
    add(errors, "metadata.name", std::string(words_of(Form::kObjectName)) + ", got " + shown(pool.name));
  }
  pool.namespace_name = read_text(metadata, "namespace", errors);
  const std::string& space = pool.namespace_name;
  const bool is_label = has_form(space, Form::kObjectName) && space.find('.') == std::string::npos;
  if (!space.empty() && (!is_label || space.size() > kNamespaceLengthMax)) {
    add(errors, "metadata.namespace",
        "must be at most 63 lower-case letters, digits and '-', beginning and ending with a letter or digit, got " +
            shown(space));
  }
  pool.uid = read_text(metadata, "uid", errors);
  pool.resource_version = read_text(metadata, "resourceVersion", errors);
  pool.labels = read_map(metadata, "labels", errors);
  pool.annotations = read_map(metadata, "annotations", errors);
  const auto generation = metadata.find("generation");
  if (generation != metadata.end() && generation->is_number_integer()) {
    pool.generation = generation->get<std::int64_t>();
  }
  const auto deletion = metadata.find("deletionTimestamp");
  pool.deleting = deletion != metadata.end() && !deletion->is_null();
}

void check_kind(const Json& object, std::vector<FieldError>& errors) {
  const ObjectKey key = key_of(object);
  if (key.api_version != kApiVersion) {
    add(errors, "apiVersion", std::string("must be ") + kApiVersion + ", got " + shown(key.api_version));
  }
  if (key.kind != kKind) add(errors, "kind", std::string("must be ") + kKind + ", got " + shown(key.kind));
}

/// The member if it is an object; else null, with an error.
const Json* object_at(const Json& object, const char* name, std::vector<FieldError>& errors) {
  const auto member = object.find(name);
  if (member == object.end() || member->is_null()) {
    add(errors, name, "is required");
    return nullptr;
  }
  if (member->is_object()) return &*member;
  add(errors, name, "must be an object, got " + found(*member));
  return nullptr;
}

/// Everything that can be read; errors are of types, unknown fields and the envelope. Nothing where the JSON as such is
/// unusable.
std::optional<ConnectionPool> read_pool(const Json& object, std::vector<FieldError>& errors) {
  if (!object.is_object()) {
    add(errors, "", "must be a Kubernetes object, got " + (object.is_string() ? "text" : found(object)));
    return std::nullopt;
  }
  check_encoding(object, "", 0, errors);
  if (!errors.empty()) return std::nullopt;
  ConnectionPool pool;
  check_kind(object, errors);
  static constexpr std::array<std::string_view, 5> kKnown{"apiVersion", "kind", "metadata", "spec", "status"};
  refuse_unknown(object, "", kKnown, errors);
  if (const Json* metadata = object_at(object, "metadata", errors)) read_metadata(*metadata, pool, errors);
  if (const Json* spec = object_at(object, "spec", errors)) pool.spec = read_spec(*spec, errors);
  return pool;
}

/// What follows from a field that could not be read is no second error.
void append_unless_inside(std::vector<FieldError>& errors, std::vector<FieldError> more) {
  const std::size_t first = errors.size();
  for (FieldError& error : more) {
    const auto explained = [&](const FieldError& earlier) { return is_inside(error.path, earlier.path); };
    const auto end = errors.begin() + static_cast<std::ptrdiff_t>(first);
    if (std::none_of(errors.begin(), end, explained)) errors.push_back(std::move(error));
  }
}

Parsed result_of(std::optional<ConnectionPool> pool, std::vector<FieldError> errors) {
  if (!errors.empty()) pool.reset();
  return {.pool = std::move(pool), .errors = std::move(errors)};
}

}  // namespace

Parsed parse_pool(const Json& object) {
  std::vector<FieldError> errors;
  std::optional<ConnectionPool> pool = read_pool(object, errors);
  if (pool) {
    std::vector<FieldError> out_of_bounds;
    check_bounds(pool->spec, out_of_bounds);
    append_unless_inside(errors, std::move(out_of_bounds));
  }
  return result_of(std::move(pool), std::move(errors));
}

Parsed check_pool(const Json& object, const ValidationPolicy& policy) {
  std::vector<FieldError> errors;
  std::optional<ConnectionPool> pool = read_pool(object, errors);
  if (pool) append_unless_inside(errors, validate(*pool, policy));
  return result_of(std::move(pool), std::move(errors));
}

bool is_connection_pool(const Json& object) {
  const ObjectKey key = key_of(object);
  return key.kind == kKind && key.api_version.starts_with(std::string(kGroup) + "/");
}

}  // namespace poolwright::api

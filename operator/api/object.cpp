#include "api/object.h"

namespace poolwright::api {

namespace {

std::string string_at(const Json& object, const std::string& field) {
  if (!object.is_object()) return {};
  const auto found = object.find(field);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

const Json& metadata_of(const Json& object) {
  static const Json kNone = Json::object();
  if (!object.is_object()) return kNone;
  const auto found = object.find("metadata");
  return found != object.end() && found->is_object() ? *found : kNone;
}

}  // namespace

ObjectKey key_of(const Json& object) {
  return {.api_version = string_at(object, "apiVersion"),
          .kind = string_at(object, "kind"),
          .namespace_name = metadata_string(object, "namespace"),
          .name = metadata_string(object, "name")};
}

std::string to_string(const ObjectKey& key) {
  return key.kind + " " + (key.namespace_name.empty() ? "" : key.namespace_name + "/") + key.name;
}

std::string metadata_string(const Json& object, const char* field) { return string_at(metadata_of(object), field); }

std::string annotation(const Json& object, const std::string& name) {
  const Json& metadata = metadata_of(object);
  const auto annotations = metadata.find("annotations");
  return annotations == metadata.end() ? std::string() : string_at(*annotations, name);
}

std::string controller_uid(const Json& object) {
  const Json& metadata = metadata_of(object);
  const auto owners = metadata.find("ownerReferences");
  if (owners == metadata.end() || !owners->is_array()) return {};
  for (const Json& owner : *owners) {
    if (owner.is_object() && owner.value("controller", Json(false)) == Json(true)) return string_at(owner, "uid");
  }
  return {};
}

}  // namespace poolwright::api

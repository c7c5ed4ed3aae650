#include "run/triggers.h"

#include <algorithm>

#include "api/connection_pool.h"
#include "render/names.h"

namespace poolwright::run {

namespace {

using api::Json;
using kube::WorkKey;

WorkKey key_of_pool(const Json& pool) {
  return {.namespace_name = api::metadata_string(pool, "namespace"), .name = api::metadata_string(pool, "name")};
}

/// Name of the ConnectionPool that controls the object, or "".
std::string controlling_pool(const Json& object) {
  const Json::json_pointer path("/metadata/ownerReferences");
  if (!object.contains(path) || !object.at(path).is_array()) return {};
  for (const Json& owner : object.at(path)) {
    if (owner.value("controller", false) && owner.value("kind", "") == api::kKind) return owner.value("name", "");
  }
  return {};
}

/// Whether a member anywhere below `value`, called `reference`, is an object with this name.
bool names(const Json& value, const std::string& name, bool (*is_reference)(const std::string&)) {
  if (value.is_array()) {
    return std::any_of(value.begin(), value.end(), [&](const Json& item) { return names(item, name, is_reference); });
  }
  if (!value.is_object()) return false;
  return std::any_of(value.items().begin(), value.items().end(), [&](const auto& member) {
    const Json& inner = member.value();
    if (is_reference(member.key()) && inner.is_object() && inner.value("name", "") == name) return true;
    return names(inner, name, is_reference);
  });
}

bool is_secret_reference(const std::string& member) { return member.ends_with("SecretRef"); }
bool is_workload_reference(const std::string& member) { return member == "instancesFrom"; }

std::string pod_label(const Json& pod) {
  const Json::json_pointer path = Json::json_pointer("/metadata/labels") / render::kPoolLabel;
  return pod.contains(path) && pod.at(path).is_string() ? pod.at(path).get<std::string>() : std::string();
}

bool refers(const Json& pool, const std::string& kind, const Json& changed) {
  if (!pool.contains("spec")) return false;
  const std::string name = api::metadata_string(changed, "name");
  if (kind == "Secret") return names(pool.at("spec"), name, is_secret_reference);
  if (kind == "Deployment" || kind == "StatefulSet") return names(pool.at("spec"), name, is_workload_reference);
  if (kind == "Pod") return render::pool_label(api::metadata_string(pool, "name")) == pod_label(changed);
  return false;
}

}  // namespace

std::set<WorkKey> pools_to_look_at(const Json& changed, const std::string& kind,
                                   const std::vector<api::Object>& pools) {
  if (kind == api::kKind) return {key_of_pool(changed)};
  std::set<WorkKey> keys;
  const std::string owner = controlling_pool(changed);
  if (!owner.empty()) keys.insert({.namespace_name = api::metadata_string(changed, "namespace"), .name = owner});
  for (const api::Object& pool : pools) {
    if (refers(*pool, kind, changed)) keys.insert(key_of_pool(*pool));
  }
  return keys;
}

bool is_relevant(const kube::ObjectChange& change, const std::string& kind) {
  if (kind != api::kKind || !change.before || !change.after) return true;
  const auto part = [](const Json& object, const char* path) {
    const Json::json_pointer pointer(path);
    return object.contains(pointer) ? object.at(pointer) : Json();
  };
  for (const char* path :
       {"/spec", "/metadata/annotations", "/metadata/labels", "/metadata/deletionTimestamp", "/status"}) {
    if (part(*change.before, path) != part(*change.after, path)) return true;
  }
  return false;
}

}  // namespace poolwright::run

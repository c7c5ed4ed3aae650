// Kubernetes objects as JSON plus the identity by which they are found. Used by every room that names objects.
// Thread rule: plain values.
#pragma once

#include <compare>
#include <nlohmann/json.hpp>
#include <string>

namespace poolwright::api {

using Json = nlohmann::json;

/// Identity of an object. namespace_name is empty for cluster-scoped kinds.
struct ObjectKey {
  std::string api_version;  // "v1", "apps/v1", "poolwright.dev/v1alpha1"
  std::string kind;
  std::string namespace_name;
  std::string name;

  friend auto operator<=>(const ObjectKey&, const ObjectKey&) = default;
  friend bool operator==(const ObjectKey&, const ObjectKey&) = default;
};

/// Identity of a JSON object; members that are missing or not strings come out empty.
ObjectKey key_of(const Json& object);

/// "Deployment shop/orders-pool", for messages.
std::string to_string(const ObjectKey& key);

/// metadata.<field> as a string, or "" where it is absent or no string.
std::string metadata_string(const Json& object, const char* field);
/// metadata.annotations[name], or "".
std::string annotation(const Json& object, const std::string& name);
/// UID of the controller in metadata.ownerReferences (controller: true), or "".
std::string controller_uid(const Json& object);

}  // namespace poolwright::api

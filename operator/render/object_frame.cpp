#include "render/object_frame.h"

#include "base/digest.h"
#include "render/names.h"

namespace poolwright::render {

api::Json framed_object(const api::ConnectionPool& pool, const ObjectFrame& frame) {
  api::Json metadata = {{"name", frame.name}, {"labels", object_labels(pool.name)}};
  if (!pool.namespace_name.empty()) metadata["namespace"] = pool.namespace_name;
  if (!pool.uid.empty()) {
    metadata["ownerReferences"] = api::Json::array({{{"apiVersion", api::kApiVersion},
                                                     {"kind", api::kKind},
                                                     {"name", pool.name},
                                                     {"uid", pool.uid},
                                                     {"controller", true},
                                                     {"blockOwnerDeletion", true}}});
  }
  return {{"apiVersion", frame.api_version}, {"kind", frame.kind}, {"metadata", std::move(metadata)}};
}

api::Json framed_secret(const api::ConnectionPool& pool, const std::string& name, const std::string& type,
                        const std::map<std::string, SecretString>& values) {
  api::Json secret = framed_object(pool, {.api_version = "v1", .kind = "Secret", .name = name});
  secret["type"] = type;
  api::Json encoded = api::Json::object();
  for (const auto& [key, value] : values) encoded[key] = base64_encode(value.reveal());
  secret["data"] = std::move(encoded);
  return secret;
}

}  // namespace poolwright::render

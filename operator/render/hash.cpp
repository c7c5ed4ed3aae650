#include "render/hash.h"

#include <utility>

#include "base/digest.h"
#include "render/names.h"

namespace poolwright::render {

std::string canonical_json(const api::Json& json) {
  // Objects of nlohmann::json are sorted maps. Bytes that are not UTF-8 cannot be in what we render; for a foreign
  // object they are replaced rather than thrown about.
  return json.dump(-1, ' ', false, api::Json::error_handler_t::replace);
}

std::string applied_hash(const api::Json& object) {
  api::Json copy = object;
  const api::Json::json_pointer annotations("/metadata/annotations");
  if (copy.contains(annotations) && copy[annotations].is_object()) {
    copy[annotations].erase(kAppliedHashAnnotation);
    if (copy[annotations].empty()) copy["metadata"].erase("annotations");
  }
  return sha256_hex(canonical_json(copy));
}

api::Json with_applied_hash(api::Json object) {
  std::string hash = applied_hash(object);
  object["metadata"]["annotations"][kAppliedHashAnnotation] = std::move(hash);
  return object;
}

}  // namespace poolwright::render

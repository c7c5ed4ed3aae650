#include "render/object_config.h"

#include "render/hash.h"
#include "render/names.h"
#include "render/object_frame.h"

namespace poolwright::render {

api::Json service_account(const api::ConnectionPool& pool) {
  api::Json account =
      framed_object(pool, {.api_version = "v1", .kind = "ServiceAccount", .name = pool_object_name(pool.name)});
  account["automountServiceAccountToken"] = false;
  return account;
}

api::Json console_secret(const api::ConnectionPool& pool, const ConsoleCredentials& console) {
  api::Json secret = framed_secret(pool, console_secret_name(pool.name), "Opaque", {});
  secret["data"] = console_secret_data(console);
  if (!console.rotated_for.empty()) secret["metadata"]["annotations"][kRotatedForAnnotation] = console.rotated_for;
  return secret;
}

api::Json userlist_secret(const api::ConnectionPool& pool, const SecretString& userlist) {
  return framed_secret(pool, userlist_secret_name(pool.name), "Opaque", {{kUserlistKey, userlist}});
}

api::Json config_map(const api::ConnectionPool& pool, const ConfigFiles& files) {
  api::Json map = framed_object(pool, {.api_version = "v1", .kind = "ConfigMap", .name = pool_object_name(pool.name)});
  map["metadata"]["annotations"] = {{kConfigHashAnnotation, files.config_hash},
                                    {kSizesAnnotation, canonical_json(api::Json(files.sizes))}};
  map["data"] = {{kIniKey, files.ini}, {kHbaKey, files.hba}};
  return map;
}

}  // namespace poolwright::render

#include "reconcile/stored_config.h"

#include <utility>

#include "base/digest.h"
#include "render/ini.h"
#include "render/names.h"
#include "render/object_config.h"
#include "render/userlist.h"

namespace poolwright::reconcile {

namespace {

using api::Json;
using pgbouncer::ExpectedConfig;

/// The stored object of this kind and name, if it is the pool's.
const Json* find_stored(const StoredObjects& stored, const api::ConnectionPool& pool, const char* kind,
                        const std::string& name) {
  const auto found =
      stored.by_key.find({.api_version = "v1", .kind = kind, .namespace_name = pool.namespace_name, .name = name});
  const bool is_ours = found != stored.by_key.end() && found->second && api::controller_uid(*found->second) == pool.uid;
  return is_ours ? found->second.get() : nullptr;
}

/// The object as we applied it: without what the API server adds, which it does not take back.
Json as_applied(const Json& stored) {
  Json object = stored;
  Json metadata = Json::object();
  for (const char* member : {"name", "namespace", "labels", "annotations", "ownerReferences"}) {
    if (stored.at("metadata").contains(member)) metadata[member] = stored.at("metadata").at(member);
  }
  object["metadata"] = std::move(metadata);
  return object;
}

std::string data_text(const Json& object, const char* key) {
  const Json::json_pointer path = Json::json_pointer("/data") / key;
  return object.contains(path) && object.at(path).is_string() ? object.at(path).get<std::string>() : std::string();
}

}  // namespace

Result<ExpectedConfig> expected_config(const std::string& ini_text, const std::string& user_marker) {
  PW_ASSIGN_OR_RETURN(const render::Ini ini, render::parse_ini(ini_text));
  ExpectedConfig expected{.user_marker = user_marker};
  for (const render::Setting& setting : ini.pgbouncer) expected.settings[setting.key] = setting.value;
  for (const render::IniEntry& entry : ini.databases) {
    pgbouncer::ExpectedDatabase database{.name = entry.name};
    for (const render::Setting& setting : entry.settings) database.options[setting.key] = setting.value;
    expected.databases.push_back(std::move(database));
  }
  return expected;
}

std::optional<StoredConfig> stored_config(const StoredObjects& stored, const api::ConnectionPool& pool) {
  const Json* config_map = find_stored(stored, pool, "ConfigMap", render::pool_object_name(pool.name));
  const Json* userlist = find_stored(stored, pool, "Secret", render::userlist_secret_name(pool.name));
  if (config_map == nullptr || userlist == nullptr) return std::nullopt;
  const SecretString users(base64_decode(data_text(*userlist, render::kUserlistKey)).value_or(""));
  auto expected = expected_config(data_text(*config_map, render::kIniKey), render::marker_user_of(users));
  if (!expected) return std::nullopt;
  return StoredConfig{.config_hash = api::annotation(*config_map, render::kConfigHashAnnotation),
                      .config_map = as_applied(*config_map),
                      .userlist = as_applied(*userlist),
                      .expected = *std::move(expected)};
}

}  // namespace poolwright::reconcile

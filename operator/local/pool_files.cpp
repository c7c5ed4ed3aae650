#include "local/pool_files.h"

#include <algorithm>
#include <set>

#include "api/parse.h"
#include "base/digest.h"
#include "local/directory_store.h"
#include "render/names.h"
#include "render/pgbouncer_ini.h"

namespace poolwright::local {

namespace fs = std::filesystem;
using api::Json;

namespace {

std::string entry_text(const Json& object, const std::string& key) {
  const Json& entry = object.at("data").at(key);
  if (object.at("kind") != "Secret") return entry.get<std::string>();
  return base64_decode(entry.get<std::string>()).value_or("");
}

Status add_source(const api::ObjectStore& store, const Json& source, FileTexts& texts) {
  const bool is_secret = source.contains("secret");
  const Json& named = source.at(is_secret ? "secret" : "configMap");
  const api::ObjectKey key{.api_version = "v1",
                           .kind = is_secret ? "Secret" : "ConfigMap",
                           .namespace_name = kNamespace,
                           .name = named.at("name").get<std::string>()};
  const api::Object object = store.cached(key);
  if (!object) return make_error(ErrorKind::kNotFound, to_string(key) + " does not exist");
  for (const Json& item : named.at("items")) {
    const auto name = item.at("key").get<std::string>();
    if (!object->contains("data") || !object->at("data").contains(name)) {
      return make_error(ErrorKind::kNotFound, to_string(key) + " has no key \"" + name + "\"");
    }
    texts[item.at("path").get<std::string>()] = entry_text(*object, name);
  }
  return ok();
}

bool is_variable(const std::string& name) {
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; });
}

}  // namespace

Result<FileTexts> bouncer_files(const api::ObjectStore& store, const Json& deployment) {
  FileTexts texts;
  const Json::json_pointer path("/spec/template/spec/volumes");
  if (!deployment.contains(path)) return make_error(ErrorKind::kInvalid, "the Deployment has no volumes");
  for (const Json& volume : deployment.at(path)) {
    if (!volume.contains("projected")) continue;
    for (const Json& source : volume.at("projected").at("sources")) {
      PW_RETURN_IF_ERROR(add_source(store, source, texts));
    }
  }
  return texts;
}

std::string env_text(const Json& url_secret) {
  std::string text = "# Written by poolwright; changes are lost.\n";
  if (!url_secret.contains("data")) return text;
  for (const auto& [key, value] : url_secret.at("data").items()) {
    if (!is_variable(key) || !value.is_string()) continue;
    // Percent-encoding leaves no quote in a URL, so nothing has to be escaped, which every reader does otherwise.
    text.append(key).append("='").append(base64_decode(value.get<std::string>()).value_or("")).append("'\n");
  }
  return text;
}

FileTexts env_files(const api::ObjectStore& store, const Json& pool) {
  FileTexts texts;
  const api::Parsed parsed = api::parse_pool(pool);
  if (!parsed.pool) return texts;
  for (const api::Database& database : parsed.pool->spec.databases) {
    const api::Object secret = store.cached({.api_version = "v1",
                                             .kind = "Secret",
                                             .namespace_name = kNamespace,
                                             .name = render::url_secret_name(*parsed.pool, database)});
    if (secret && api::controller_uid(*secret) == parsed.pool->uid) texts[database.name + ".env"] = env_text(*secret);
  }
  return texts;
}

Status write_files(const fs::path& folder, const FileTexts& texts, const FileAccess& access) {
  FileAccess inside = access;
  inside.mode = 0700;
  std::set<fs::path> folders;
  for (const auto& [path, text] : texts) folders.insert((folder / path).parent_path());
  for (const fs::path& one : folders) {
    if (one != folder) PW_RETURN_IF_ERROR(make_folder(one, inside));
  }
  for (const auto& [path, text] : texts) {
    if (path != render::kIniPath) PW_RETURN_IF_ERROR(write_file(folder / path, text, access));
  }
  const auto main_file = texts.find(render::kIniPath);
  return main_file == texts.end() ? ok() : write_file(folder / main_file->first, main_file->second, access);
}

}  // namespace poolwright::local

#include "local/pool_folder.h"

#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <utility>

#include "api/text.h"
#include "api/yaml.h"
#include "base/digest.h"
#include "local/directory_store.h"
#include "local/files.h"
#include "render/check_file.h"

namespace poolwright::local {

namespace fs = std::filesystem;
using api::Json;

namespace {

/// PostgreSQL on this machine is what local mode is for.
api::ValidationPolicy local_policy() { return {.allow_loopback_hosts = true}; }

bool is_hidden(const fs::path& path) { return path.filename().string().starts_with("."); }

bool is_spec_file(const fs::path& path) {
  return path.extension() == ".yaml" || path.extension() == ".yml" || path.extension() == ".json";
}

bool is_readable_by_everybody(const fs::path& path) {
  struct stat found {};
  return stat(path.c_str(), &found) == 0 && (found.st_mode & S_IROTH) != 0;
}

bool is_secret_key(const std::string& name) {
  return !name.empty() && name.size() <= 253 && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
  });
}

class Reader {
 public:
  Reader(fs::path folder, const Adapt& adapt) : folder_(std::move(folder)), adapt_(adapt) {}

  Result<FolderContent> read() {
    std::vector<fs::path> files;
    std::vector<fs::path> folders;
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder_, error)) {
      if (is_hidden(entry.path())) continue;
      std::error_code vanished;
      if (entry.is_directory(vanished)) folders.push_back(entry.path());
      if (entry.is_regular_file(vanished) && is_spec_file(entry.path())) files.push_back(entry.path());
    }
    if (error) return file_error(folder_, "the directory cannot be read", error.value());
    std::sort(files.begin(), files.end());
    std::sort(folders.begin(), folders.end());
    if (files.size() + folders.size() > kFilesMax) {
      return make_error(ErrorKind::kInvalid,
                        folder_.string() + ": has more than " + std::to_string(kFilesMax) + " files and folders");
    }
    for (const fs::path& file : files) read_file_of_specs(file);
    for (const fs::path& folder : folders) read_secret_folder(folder);
    return std::move(content_);
  }

 private:
  void problem(const std::string& source, int line, const std::string& text) {
    content_.problems.push_back(source + (line > 0 ? ":" + std::to_string(line) : "") + ": " + text);
  }

  void read_file_of_specs(const fs::path& path) {
    const std::string source = path.filename().string();
    const auto text = read_file(path);
    const auto documents = text ? api::read_yaml(*text) : Result<std::vector<api::YamlDocument>>(text.error());
    if (!documents) {
      problem(source, 0, documents.error().message);
      content_.unreadable.insert(source);
      return;
    }
    for (const api::FieldError& error : render::check_file(*text, local_policy()).errors) {
      problem(source, error.line, to_string(error));
    }
    bool has_secret = false;
    for (const api::YamlDocument& document : *documents) {
      if (api::is_connection_pool(document.json)) read_pool(document, source);
      const bool is_secret = document.json.is_object() && api::key_of(document.json).kind == "Secret";
      if (is_secret) read_secret(document, source);
      has_secret |= is_secret;
    }
    if (has_secret) warn_if_open(path, source);
  }

  void warn_if_open(const fs::path& path, const std::string& source) {
    if (!is_readable_by_everybody(path)) return;
    content_.warnings.push_back(source + ": holds a Secret and everybody on this machine can read it; chmod o-rwx " +
                                path.string());
  }

  /// A pool with errors becomes an object, too: its status says what is wrong, and what runs goes on.
  void read_pool(const api::YamlDocument& document, const std::string& source) {
    Json pool = document.json;
    const std::string name = api::metadata_string(pool, "name");
    if (!api::has_form(name, api::Form::kObjectName)) return;  // told by the check of the file
    if (!is_first(std::string(api::key_of(pool).kind), name, source, document.line)) return;
    if (const std::string said = adapt_(pool); !said.empty()) content_.warnings.push_back(source + ": " + said);
    add(std::move(pool), source);
  }

  void read_secret(const api::YamlDocument& document, const std::string& source) {
    Json secret = document.json;
    const std::string name = api::metadata_string(secret, "name");
    if (!api::has_form(name, api::Form::kObjectName)) {
      problem(source, document.line_of("metadata.name"),
              std::string("metadata.name ") + words_of(api::Form::kObjectName));
      content_.unreadable.insert(source);
      return;
    }
    if (!is_first("Secret", name, source, document.line)) return;
    Json entries = Json::object();
    for (const char* member : {"data", "stringData"}) {
      if (!secret.contains(member)) continue;
      if (const std::string bad = add_entries(secret.at(member), member, entries); !bad.empty()) {
        const bool is_encoded = std::string_view(member) == "data";
        problem(source, document.line_of(bad),
                bad + (is_encoded ? ": must be base64; plain text goes to stringData"
                                  : ": must be text; put it in quotes"));
        content_.unreadable.insert(source);
        return;
      }
      secret.erase(member);
    }
    secret["data"] = std::move(entries);
    add(std::move(secret), source);
  }

  /// Adds what `member` of a Secret holds, encoded as in `data`. Gives the path of the first value that is none, "" if
  /// all are.
  static std::string add_entries(const Json& given, const char* member, Json& entries) {
    if (!given.is_object()) return {};
    const bool is_encoded = std::string_view(member) == "data";
    for (const auto& [key, value] : given.items()) {
      const bool is_good = value.is_string() && (!is_encoded || base64_decode(value.get<std::string>()));
      if (!is_good) return api::member_path(member, key);
      entries[key] = is_encoded ? value : Json(base64_encode(value.get<std::string>()));
    }
    return {};
  }

  /// One file a key, as mounted Secrets are; a newline at the end is an editor's, not the password's.
  void read_secret_folder(const fs::path& path) {
    const std::string source = path.filename().string();
    Json entries = Json::object();
    std::error_code error;
    for (const fs::directory_entry& file : fs::directory_iterator(path, error)) {
      std::error_code vanished;
      if (is_hidden(file.path()) || !file.is_regular_file(vanished)) continue;
      const std::string key = file.path().filename().string();
      if (is_spec_file(file.path())) {
        problem(source + "/" + key, 0, "files of pools belong into the directory itself; a folder is a Secret");
        return;
      }
      if (!is_secret_key(key)) continue;
      auto text = read_file(file.path());
      if (!text) {
        problem(source + "/" + key, 0, text.error().message);
        content_.unreadable.insert(source + "/");
        return;
      }
      if (text->ends_with("\n")) text->pop_back();
      if (text->ends_with("\r")) text->pop_back();
      entries[key] = base64_encode(*text);
      warn_if_open(file.path(), source + "/" + key);
    }
    if (error) content_.unreadable.insert(source + "/");
    if (entries.empty()) return;
    if (!api::has_form(source, api::Form::kObjectName)) {
      problem(source + "/", 0, std::string("the name of a Secret ") + words_of(api::Form::kObjectName));
      return;
    }
    if (!is_first("Secret", source, source + "/", 0)) return;
    add({{"apiVersion", "v1"}, {"kind", "Secret"}, {"metadata", {{"name", source}}}, {"data", std::move(entries)}},
        source + "/");
  }

  bool is_first(const std::string& kind, const std::string& name, const std::string& source, int line) {
    const auto [place, is_new] = seen_.emplace(kind + " " + name, source);
    if (!is_new) problem(source, line, kind + " " + name + " is in " + place->second + " already, which is used");
    return is_new;
  }

  /// Identity and status are the store's.
  void add(Json object, const std::string& source) {
    Json& metadata = object["metadata"];
    for (const char* member : {"uid", "resourceVersion", "generation", "managedFields", "ownerReferences", "finalizers",
                               "deletionTimestamp", "creationTimestamp"}) {
      metadata.erase(member);
    }
    metadata["namespace"] = kNamespace;
    if (!metadata.contains("annotations") || !metadata["annotations"].is_object()) {
      metadata["annotations"] = Json::object();
    }
    metadata["annotations"][kSourceAnnotation] = source;
    object.erase("status");
    content_.objects.push_back(std::move(object));
  }

  const fs::path folder_;
  const Adapt& adapt_;
  std::map<std::string, std::string> seen_;  // "Secret orders-app" -> source
  FolderContent content_;
};

}  // namespace

Result<FolderContent> read_folder(const fs::path& folder, const Adapt& adapt) { return Reader(folder, adapt).read(); }

}  // namespace poolwright::local

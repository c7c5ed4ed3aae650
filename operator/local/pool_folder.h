// What people put into the directory, as objects: ConnectionPools and Secrets out of YAML files, and Secrets out of
// folders (NAME/username, NAME/password), as a Kubernetes volume or docker-compose would mount them. Each file is
// judged by itself: one that is wrong is told with file and line, and everything that came from it stays as it was.
// Thread rule: one thread at a time.
#pragma once

#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "api/object.h"
#include "base/result.h"

namespace poolwright::local {

/// Files and folders looked at; what is beyond is a problem that is told.
inline constexpr std::size_t kFilesMax = 10'000;

struct FolderContent {
  std::vector<api::Json> objects;     // with kSourceAnnotation, in the order of files
  std::set<std::string> unreadable;   // sources whose objects are to stay as they were
  std::vector<std::string> problems;  // "orders.yaml:8: spec.databases[0]...", one line each
  std::vector<std::string> warnings;  // what works and should not be so: a Secret that everybody can read
};

/// Changes a pool before it becomes an object: what there is only one way of on one machine. Gets the ConnectionPool;
/// gives a sentence for `warnings` or "".
using Adapt = std::function<std::string(api::Json& pool)>;

/// Unavailable where the directory itself cannot be read: then nothing is known, and nothing is to change.
Result<FolderContent> read_folder(const std::filesystem::path& folder, const Adapt& adapt);

}  // namespace poolwright::local

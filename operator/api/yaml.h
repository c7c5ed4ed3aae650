// YAML files as JSON values that kubectl would make of them (YAML 1.1 scalars: `yes` is true, `"10"` is text), with the
// line of every field. Bounded in size, depth and in what aliases may expand to. Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "api/object.h"
#include "api/parse.h"
#include "base/result.h"

namespace poolwright::api {

inline constexpr std::size_t kYamlBytesMax = 1024 * 1024;
inline constexpr std::size_t kYamlDepthMax = 64;
inline constexpr std::size_t kYamlNodesMax = 100'000;  // of all documents, aliases expanded
inline constexpr std::size_t kYamlDocumentsMax = 1000;

struct YamlDocument {
  Json json;
  int line = 1;                      // where the document begins, from 1
  std::map<std::string, int> lines;  // by path ("spec.postgres.host"); of the key where there is one

  /// Line of the field, or of the nearest field around it that is there.
  int line_of(const std::string& path) const;
};

/// Every document that is not empty. Invalid, with a message that begins with "line N: ", for bad syntax, text that is
/// not UTF-8, a repeated key, an unknown alias, a value that JSON cannot hold, or a limit that was passed.
Result<std::vector<YamlDocument>> read_yaml(std::string_view text);

/// The ConnectionPools of a YAML text, each checked, errors with lines and in their order.
struct PoolFile {
  std::vector<Parsed> pools;        // one per ConnectionPool document
  std::vector<FieldError> errors;   // of the text itself: bad syntax, documents that are no Kubernetes objects
  std::size_t other_documents = 0;  // objects of other kinds, which are not looked at
};
PoolFile read_pools(std::string_view text, const ValidationPolicy& policy);

}  // namespace poolwright::api

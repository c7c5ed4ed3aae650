#include "render/check_file.h"

#include <algorithm>
#include <iterator>

#include "api/yaml.h"
#include "render/options.h"
#include "render/version.h"

namespace poolwright::render {

namespace {

/// Documents of the file that are ConnectionPools, in the order in which read_pools gives them.
std::vector<api::YamlDocument> pool_documents(std::string_view text) {
  std::vector<api::YamlDocument> pools;
  const auto documents = api::read_yaml(text);
  if (!documents) return pools;
  std::copy_if(documents->begin(), documents->end(), std::back_inserter(pools),
               [](const api::YamlDocument& document) { return api::is_connection_pool(document.json); });
  return pools;
}

/// What the option table says about the parameters, with lines where the document is known.
std::vector<api::FieldError> parameter_errors(const api::ConnectionPool& pool, const api::YamlDocument* document) {
  const auto version = parse_version(pool.spec.pgbouncer.version);
  if (!version) return {};  // refused by the parser already
  auto errors = check_parameters(pool.spec.pgbouncer.parameters, *version);
  for (api::FieldError& error : errors) error.line = document == nullptr ? 0 : document->line_of(error.path);
  return errors;
}

}  // namespace

CheckedFile check_file(std::string_view text, const api::ValidationPolicy& policy) {
  const api::PoolFile content = api::read_pools(text, policy);
  CheckedFile checked{.pools = content.pools.size(), .errors = content.errors};
  const std::vector<api::YamlDocument> documents = pool_documents(text);
  for (std::size_t i = 0; i < content.pools.size(); ++i) {
    const api::Parsed& parsed = content.pools[i];
    const api::YamlDocument* document = i < documents.size() ? &documents[i] : nullptr;
    const auto found = parsed.pool ? parameter_errors(*parsed.pool, document) : parsed.errors;
    checked.errors.insert(checked.errors.end(), found.begin(), found.end());
  }
  return checked;
}

}  // namespace poolwright::render

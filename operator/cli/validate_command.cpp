#include <algorithm>
#include <iostream>
#include <iterator>

#include "api/yaml.h"
#include "cli/cli.h"
#include "cli/input_files.h"
#include "render/options.h"

namespace poolwright::cli {

namespace {

void print(const std::string& file, const api::FieldError& error) {
  std::cout << file;
  if (error.line > 0) std::cout << ":" << error.line;
  std::cout << ": " << to_string(error) << "\n";
}

/// Documents of the file that are ConnectionPools, in the order in which read_pools gives them.
std::vector<api::YamlDocument> pool_documents(const InputFile& file) {
  std::vector<api::YamlDocument> pools;
  const auto documents = api::read_yaml(file.text);
  if (!documents) return pools;
  std::copy_if(documents->begin(), documents->end(), std::back_inserter(pools),
               [](const api::YamlDocument& document) { return api::is_connection_pool(document.json); });
  return pools;
}

/// What the option table says about the parameters, with lines where the document is known.
std::vector<api::FieldError> check_parameters(const api::ConnectionPool& pool, const api::YamlDocument* document) {
  const auto version = render::parse_version(pool.spec.pgbouncer.version);
  if (!version) return {};  // refused by the parser already
  auto errors = render::check_parameters(pool.spec.pgbouncer.parameters, *version);
  for (api::FieldError& error : errors) error.line = document == nullptr ? 0 : document->line_of(error.path);
  return errors;
}

/// Errors of one file; `pools` counts its ConnectionPools.
std::size_t check_file(const InputFile& file, const api::ValidationPolicy& policy, std::size_t& pools) {
  std::size_t errors = 0;
  const api::PoolFile content = api::read_pools(file.text, policy);
  for (const api::FieldError& error : content.errors) {
    print(file.name, error);
    ++errors;
  }
  const std::vector<api::YamlDocument> documents = pool_documents(file);
  for (std::size_t i = 0; i < content.pools.size(); ++i) {
    const api::Parsed& parsed = content.pools[i];
    ++pools;
    const bool located = i < documents.size();
    const std::vector<api::FieldError> found =
        parsed.pool ? check_parameters(*parsed.pool, located ? &documents[i] : nullptr) : parsed.errors;
    for (const api::FieldError& error : found) print(file.name, error);
    errors += found.size();
  }
  return errors;
}

std::string counted(std::size_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

}  // namespace

int validate(const FileOptions& options) {
  const auto files = read_input(options.paths);
  if (!files) {
    std::cerr << "poolwright validate: " << files.error().message << "\n";
    return kExitFailed;
  }
  std::size_t errors = 0;
  std::size_t pools = 0;
  for (const InputFile& file : *files) {
    errors += check_file(file, {.allow_loopback_hosts = options.allow_loopback_hosts}, pools);
  }
  if (errors == 0 && pools == 0) {
    std::cerr << "poolwright validate: no ConnectionPool in " << counted(files->size(), "file") << "\n";
    return kExitFailed;
  }
  std::cerr << counted(pools, "ConnectionPool") << " in " << counted(files->size(), "file") << ": "
            << (errors == 0 ? "all valid" : counted(errors, "error")) << "\n";
  return errors == 0 ? kExitOk : kExitFailed;
}

}  // namespace poolwright::cli

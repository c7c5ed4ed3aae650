#include <iostream>

#include "api/text.h"
#include "cli/cli.h"
#include "cli/input_files.h"
#include "render/check_file.h"

namespace poolwright::cli {

namespace {

void print(const std::string& file, const api::FieldError& error) {
  std::cout << file;
  if (error.line > 0) std::cout << ":" << error.line;
  std::cout << ": " << to_string(error) << "\n";
}

/// Errors of one file; `pools` counts its ConnectionPools.
std::size_t check(const InputFile& file, const api::ValidationPolicy& policy, std::size_t& pools) {
  const render::CheckedFile checked = render::check_file(file.text, policy);
  for (const api::FieldError& error : checked.errors) print(file.name, error);
  pools += checked.pools;
  return checked.errors.size();
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
    errors += check(file, {.allow_loopback_hosts = options.allow_loopback_hosts}, pools);
  }
  if (errors == 0 && pools == 0) {
    std::cerr << "poolwright validate: no ConnectionPool in " << api::counted(files->size(), "file") << "\n";
    return kExitFailed;
  }
  std::cerr << api::counted(pools, "ConnectionPool") << " in " << api::counted(files->size(), "file") << ": "
            << (errors == 0 ? "all valid" : api::counted(errors, "error")) << "\n";
  return errors == 0 ? kExitOk : kExitFailed;
}

}  // namespace poolwright::cli

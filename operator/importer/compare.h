// Renders what an import made and holds it against the installation, setting by setting: every difference, with its
// reason. Thread rule: pure functions.
#pragma once

#include <string>
#include <vector>

#include "importer/import.h"

namespace poolwright::importer {

struct Difference {
  std::string pool;
  Subject subject;
  std::string before;  // "" where PgBouncer's default is "not set"
  std::string after;
  std::string why;  // "": nobody can say, which is a mistake of ours
};

struct Comparison {
  std::size_t equal = 0;
  std::vector<Difference> differences;
};

/// For one pod, so that sizes are what one process had. Invalid where a pool cannot be rendered.
Result<Comparison> compare(const Installation& installation, const Import& import,
                           const render::PgbouncerVersion& version);

}  // namespace poolwright::importer

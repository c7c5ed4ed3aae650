// Reads the YAML and JSON files that a command was given. Thread rule: main thread only.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace poolwright::cli {

inline constexpr std::size_t kInputFilesMax = 10'000;

struct InputFile {
  std::string name;  // as a person would find it; "<stdin>" for "-"
  std::string text;
};

/// Files of all paths, folders expanded to their *.yaml, *.yml and *.json, in order. NotFound or Invalid with the path.
Result<std::vector<InputFile>> read_input(const std::vector<std::string>& paths);

}  // namespace poolwright::cli

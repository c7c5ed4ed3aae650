// Writes what a command was asked to put into files. Thread rule: main thread only.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace poolwright::cli {

/// Writes the whole file, or to stdout for "-". An existing file is replaced. Invalid with the path and the reason.
Status write_file(const std::string& path, std::string_view text);

/// A new file that only its owner may read. An existing one is refused: it could be open to others already.
Status write_private_file(const std::string& path, std::string_view text);

}  // namespace poolwright::cli

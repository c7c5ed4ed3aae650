// A tar archive (POSIX ustar) in memory, compressed with gzip. Thread rule: plain values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace poolwright::cli {

struct ArchiveFile {
  std::string name;  // at most 100 bytes, relative
  std::string text;
};

/// Every file readable by its owner only, with `seconds` since 1970 as its time. Invalid for a name that does not fit.
Result<std::string> tar_gz(const std::vector<ArchiveFile>& files, std::int64_t seconds);

}  // namespace poolwright::cli

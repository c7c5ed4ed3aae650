// Files as local mode writes and reads them: whole or not at all, with the mode and owner that they need.
// Thread rule: any thread.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace poolwright::local {

/// Largest file that is read: a Secret's limit in a cluster, and more than any resource needs.
inline constexpr std::size_t kFileBytesMax = 1024 * 1024;

struct FileAccess {
  mode_t mode = 0600;
  std::optional<uid_t> owner = std::nullopt;  // absent: ours
  std::optional<gid_t> group = std::nullopt;
};

/// Writes beside the target and renames over it, so that a reader sees the old text or the new one. A file that has the
/// text, mode and owner already is left alone. Unavailable with the path and the cause.
Status write_file(const std::filesystem::path& path, std::string_view text, const FileAccess& access);

/// All of the text to an open file; `path` is for the error.
Status write_all(int descriptor, const std::filesystem::path& path, std::string_view text);

/// The whole file. NotFound, Forbidden, or Invalid where it is larger than kFileBytesMax or no file.
Result<std::string> read_file(const std::filesystem::path& path);

/// The folder and those above it that are missing; mode and owner are put right for the last one only.
Status make_folder(const std::filesystem::path& path, const FileAccess& access);

/// The last `bytes_max` bytes; "" where there is no such file.
std::string tail_of(const std::filesystem::path& path, std::size_t bytes_max);

/// "path: what: reason of errno".
Error file_error(const std::filesystem::path& path, std::string_view what, int error_number);

}  // namespace poolwright::local

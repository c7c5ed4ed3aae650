#include "cli/output_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <iostream>
#include <system_error>

namespace poolwright::cli {

namespace {

Error cannot_write(const std::string& path, const std::string& why) {
  return make_error(ErrorKind::kInvalid, path + ": cannot be written: " + why);
}

std::string reason_of(int error) { return std::generic_category().message(error); }

Status write_all(const std::string& path, int flags, mode_t mode, std::string_view text) {
  const int file = open(path.c_str(), flags | O_WRONLY | O_CREAT | O_CLOEXEC, mode);  // NOLINT(*-vararg): POSIX
  if (file < 0 && errno == EEXIST) return cannot_write(path, "the file exists; remove it or choose another name");
  if (file < 0) return cannot_write(path, reason_of(errno));
  while (!text.empty()) {
    const ssize_t written = write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      const int error = errno;
      close(file);
      return cannot_write(path, reason_of(error));
    }
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  if (close(file) != 0) return cannot_write(path, reason_of(errno));
  return ok();
}

}  // namespace

Status write_file(const std::string& path, std::string_view text) {
  if (path != "-") return write_all(path, O_TRUNC, 0644, text);
  std::cout << text;
  return ok();
}

Status write_private_file(const std::string& path, std::string_view text) {
  return write_all(path, O_EXCL, 0600, text);
}

}  // namespace poolwright::cli

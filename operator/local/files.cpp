#include "local/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <system_error>

namespace poolwright::local {

namespace fs = std::filesystem;

namespace {

constexpr mode_t kModeBits = 07777;

/// Closes at the end of its scope.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

bool has_access(const struct stat& found, const FileAccess& access) {
  return (found.st_mode & kModeBits) == access.mode && found.st_uid == access.owner.value_or(geteuid()) &&
         (!access.group || found.st_gid == *access.group);
}

bool is_as_wanted(const fs::path& path, std::string_view text, const FileAccess& access) {
  struct stat found {};
  if (lstat(path.c_str(), &found) != 0 || !S_ISREG(found.st_mode) || !has_access(found, access)) return false;
  const auto stored = read_file(path);
  return stored && *stored == text;
}

Status give_access(int descriptor, const fs::path& path, const FileAccess& access) {
  if (access.owner || access.group) {
    constexpr auto kUnchanged = static_cast<uid_t>(-1);
    if (fchown(descriptor, access.owner.value_or(kUnchanged), access.group.value_or(kUnchanged)) != 0) {
      return file_error(path, "its owner cannot be set", errno);
    }
  }
  if (fchmod(descriptor, access.mode) != 0) return file_error(path, "its mode cannot be set", errno);
  return ok();
}

}  // namespace

Status write_all(int descriptor, const fs::path& path, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return file_error(path, "it cannot be written", errno);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return ok();
}

Error file_error(const fs::path& path, std::string_view what, int error_number) {
  const ErrorKind kind = error_number == ENOENT                            ? ErrorKind::kNotFound
                         : error_number == EACCES || error_number == EPERM ? ErrorKind::kForbidden
                                                                           : ErrorKind::kUnavailable;
  std::string message = path.string() + ": ";
  message.append(what).append(": ").append(std::generic_category().message(error_number));
  return make_error(kind, std::move(message));
}

Status write_file(const fs::path& path, std::string_view text, const FileAccess& access) {
  if (is_as_wanted(path, text, access)) return ok();
  const fs::path fresh = path.parent_path() / ("." + path.filename().string() + ".new");
  unlink(fresh.c_str());
  constexpr mode_t kUntilItHasItsOwn = 0600;
  const Descriptor file(open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, kUntilItHasItsOwn));
  if (file.number() < 0) return file_error(path, "it cannot be written", errno);
  Status written = write_all(file.number(), path, text);
  if (written) written = give_access(file.number(), path, access);
  if (written && rename(fresh.c_str(), path.c_str()) != 0) written = file_error(path, "it cannot be replaced", errno);
  if (!written) unlink(fresh.c_str());
  return written;
}

Result<std::string> read_file(const fs::path& path) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.number() < 0) return file_error(path, "it cannot be read", errno);
  struct stat found {};
  if (fstat(file.number(), &found) != 0 || !S_ISREG(found.st_mode)) {
    return make_error(ErrorKind::kInvalid, path.string() + ": is not a file");
  }
  std::string text;
  std::array<char, 16384> block{};
  for (;;) {
    const ssize_t got = read(file.number(), block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return file_error(path, "it cannot be read", errno);
    if (got == 0) return text;
    text.append(block.data(), static_cast<std::size_t>(got));
    if (text.size() > kFileBytesMax) {
      return make_error(ErrorKind::kInvalid, path.string() + ": is larger than 1 MiB, which is the most that is read");
    }
  }
}

Status make_folder(const fs::path& path, const FileAccess& access) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return file_error(path, "the folder cannot be made", error.value());
  const Descriptor folder(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.number() < 0) return file_error(path, "the folder cannot be opened", errno);
  struct stat found {};
  if (fstat(folder.number(), &found) == 0 && has_access(found, access)) return ok();
  return give_access(folder.number(), path, access);
}

std::string tail_of(const fs::path& path, std::size_t bytes_max) {
  std::ifstream stream(path, std::ios::binary | std::ios::ate);
  if (!stream) return {};
  const auto size = static_cast<std::streamoff>(stream.tellg());
  const std::streamoff begin = std::max<std::streamoff>(0, size - static_cast<std::streamoff>(bytes_max));
  stream.seekg(begin);
  std::string text(static_cast<std::size_t>(std::max<std::streamoff>(0, size - begin)), '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  return text;
}

}  // namespace poolwright::local

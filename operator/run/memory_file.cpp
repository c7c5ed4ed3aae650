#include "run/memory_file.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace poolwright::run {

Result<std::shared_ptr<const MemoryFile>> MemoryFile::make(const SecretString& content) {
  const int descriptor = memfd_create("poolwright", MFD_CLOEXEC);
  if (descriptor < 0) return make_error(ErrorKind::kUnavailable, "make a file in memory: the system refuses it");
  std::shared_ptr<const MemoryFile> file(new MemoryFile(descriptor, content));
  // libpq refuses keys that others could read.
  bool is_written = fchmod(descriptor, S_IRUSR | S_IWUSR) == 0;
  const std::string& bytes = content.reveal();
  for (std::size_t at = 0; is_written && at < bytes.size();) {
    const ssize_t count = write(descriptor, bytes.data() + at, bytes.size() - at);
    is_written = count > 0;
    at += static_cast<std::size_t>(std::max<ssize_t>(count, 0));
  }
  if (!is_written) return make_error(ErrorKind::kUnavailable, "write a file in memory: the system refuses it");
  return file;
}

MemoryFile::MemoryFile(int descriptor, SecretString content)
    : descriptor_(descriptor), content_(std::move(content)), path_("/proc/self/fd/" + std::to_string(descriptor)) {}

MemoryFile::~MemoryFile() { close(descriptor_); }

}  // namespace poolwright::run

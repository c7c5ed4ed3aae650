// A file that exists in memory only: libpq takes certificates and keys by path, and a key must not lie on a disk.
// Thread rule: constant after construction.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "base/secret.h"

namespace poolwright::run {

class MemoryFile {
 public:
  /// kUnavailable: the system has no more descriptors or memory.
  static Result<std::shared_ptr<const MemoryFile>> make(const SecretString& content);
  ~MemoryFile();
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  /// Readable by this process for as long as the object lives.
  const std::string& path() const { return path_; }
  const SecretString& content() const { return content_; }

 private:
  MemoryFile(int descriptor, SecretString content);

  const int descriptor_;
  const SecretString content_;
  const std::string path_;
};

}  // namespace poolwright::run

// Which port each pool's PgBouncer listens on: the one that the resource's annotation asks for, else the lowest free
// one, kept in a file so that a pool has the same port for as long as it is there. Thread rule: any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "api/object.h"
#include "base/mutex.h"
#include "base/result.h"

namespace poolwright::local {

/// Annotation of a ConnectionPool: the port of its PgBouncer in local mode.
inline constexpr const char* kPortAnnotation = "poolwright.dev/local-port";

/// 1024 to 65535, as text without sign or zeros in front; nullopt for anything else.
std::optional<std::uint16_t> parse_port(const std::string& text);

class PortBook {
 public:
  /// `file` is read if it is there. Ports are given from `first` upwards.
  PortBook(std::filesystem::path file, std::uint16_t first);

  /// Looks at all pools that there are: those that are gone give their port back. Gives what two pools both ask for, as
  /// sentences; the first by name gets it, the other one a free one. Unavailable where the book cannot be written.
  Result<std::vector<std::string>> settle(const std::vector<api::Json>& pools);

  /// 0 for a pool that was not there at the last settle.
  std::uint16_t port_of(const std::string& pool) const;

 private:
  std::optional<std::uint16_t> free_port() const PW_REQUIRES(mutex_);

  const std::filesystem::path file_;
  const std::uint16_t first_;
  mutable Mutex mutex_;
  std::map<std::string, std::uint16_t> ports_ PW_GUARDED_BY(mutex_);
};

}  // namespace poolwright::local

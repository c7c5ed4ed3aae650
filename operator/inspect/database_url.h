// Reads a PostgreSQL connection URL as applications write it (postgresql://user:password@host:port/database?key=value).
// Strict where readers differ: what some client would read in another way is an error that says at which character.
// Thread rule: pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/secret.h"

namespace poolwright::inspect {

inline constexpr std::size_t kUrlLimitBytes = 8192;

struct DatabaseUrl {
  std::string scheme;  // "postgres" or "postgresql"
  std::string user;
  SecretString password;
  bool has_password = false;
  std::string host;  // IPv6 without brackets
  std::int32_t port = 5432;
  std::string database;
  std::vector<std::pair<std::string, std::string>> parameters;  // in order, decoded

  /// Value of the parameter, or nullopt. Names are unique: a repeated one is an error when parsed.
  std::optional<std::string> parameter(std::string_view name) const;
};

/// ErrorKind::kInvalid with the position (from 1) of what is wrong. No message holds a part of the password.
Result<DatabaseUrl> parse_database_url(std::string_view url);

}  // namespace poolwright::inspect

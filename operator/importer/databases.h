// [databases] and [users] of an installation as databases of ConnectionPools, each with the server that it is on and
// the login that it has. Thread rule: pure functions.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "api/connection_pool.h"
#include "base/secret.h"
#include "importer/installation.h"
#include "render/credentials.h"
#include "render/version.h"

namespace poolwright::importer {

/// Stands where the files do not tell a value.
inline constexpr const char* kPlaceholder = "REPLACE_ME";

struct DatabaseOptions {
  render::PgbouncerVersion version{1, 26, 0};
  /// Under which pods reach the PostgreSQL that the file reaches by Unix socket or loopback; "" where not given.
  std::string local_host;
  /// Which user a database is opened as, by its name in the file.
  std::map<std::string, std::string> users;
};

/// A database that can be carried.
struct Candidate {
  std::string original_name;
  Place place;
  std::string host;
  std::int32_t port = 5432;
  api::PoolMode mode = api::PoolMode::kSession;
  std::string username;   // or the placeholder
  SecretString password;  // empty where it is not known
  api::Database database;
};

std::vector<Candidate> candidates(const Installation& installation, const std::vector<render::Credentials>& userlist,
                                  const DatabaseOptions& options, std::vector<Note>& notes);

/// Servers that PgBouncer may open for one user and database; what it takes where nobody says a number.
struct Sizes {
  std::int32_t size = 20;
  std::int32_t min = 0;
  std::int32_t reserve = 0;
  std::int32_t max_connections = 0;  // 0: no bound
};

}  // namespace poolwright::importer

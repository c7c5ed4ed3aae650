// A hand-written PgBouncer installation as ConnectionPools: one for each server, pool mode and 64 databases. What could
// not be carried is told with the reason. Thread rule: pure functions.
#pragma once

#include <string>
#include <vector>

#include "api/connection_pool.h"
#include "importer/databases.h"
#include "importer/installation.h"

namespace poolwright::importer {

struct ImportOptions {
  DatabaseOptions databases;
  /// Of the ConnectionPools; "": by the server's name.
  std::string name;
  std::string namespace_name;
};

/// A key of a Secret: its value, or the file that holds it, or neither.
struct SecretKey {
  std::string key;
  SecretString value;
  std::string file;
};

struct SecretSkeleton {
  std::string name;
  std::string type = "Opaque";
  std::vector<SecretKey> keys;
};

struct ImportedPool {
  api::ConnectionPool pool;           // valid
  std::vector<Candidate> candidates;  // in the order of its databases
};

struct Import {
  std::vector<ImportedPool> pools;
  std::vector<SecretSkeleton> secrets;
  std::vector<Note> notes;
};

Import import_installation(const Installation& installation, const std::vector<render::Credentials>& userlist,
                           const ImportOptions& options);

}  // namespace poolwright::importer

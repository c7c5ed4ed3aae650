// ConfigMap, Secrets and ServiceAccount of a pool; the keys tell others where the files are. Thread rule: pure
// functions over plain values.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "api/connection_pool.h"
#include "api/object.h"
#include "base/secret.h"
#include "render/credentials.h"

namespace poolwright::render {

/// Keys of the ConfigMap and of the userlist Secret.
inline constexpr const char* kIniKey = "pgbouncer.ini";
inline constexpr const char* kHbaKey = "pg_hba.conf";
inline constexpr const char* kUserlistKey = "userlist.txt";

/// No token is ever mounted: PgBouncer has nothing to ask the API server.
api::Json service_account(const api::ConnectionPool& pool);
api::Json console_secret(const api::ConnectionPool& pool, const ConsoleCredentials& console);
api::Json userlist_secret(const api::ConnectionPool& pool, const SecretString& userlist);

struct ConfigFiles {
  std::string ini;
  std::string hba;
  std::string config_hash;
  std::map<std::string, std::int32_t> sizes;  // by name of the database
};
api::Json config_map(const api::ConnectionPool& pool, const ConfigFiles& files);

}  // namespace poolwright::render

// The Secret that an application reads: one database's addresses in the forms that its readers know. Inside the room
// only.
//
// Its type is servicebinding.io/postgresql: the API server treats it like Opaque, and tools that bind by the Service
// Binding specification look for it (with the keys type, provider, host, port, uri, username, password). The upper-case
// keys are there for envFrom; a binding shows them as further files.
// Thread rule: pure functions over plain values.
#pragma once

#include <cstdint>

#include "api/connection_pool.h"
#include "api/object.h"
#include "render/credentials.h"
#include "render/url.h"
#include "render/version.h"

namespace poolwright::render {

inline constexpr const char* kUrlSecretType = "servicebinding.io/postgresql";

struct UrlSecretInputs {
  const api::ConnectionPool& pool;
  const api::Database& database;
  const Credentials& credentials;
  PgbouncerVersion version;
  UrlTarget pooler;  // through PgBouncer
  UrlTarget direct;  // the server itself
  std::int32_t connection_limit = 5;
};

/// Whether DATABASE_URL carries pgbouncer=true. Auto: only where Prisma's own prepared statements would break.
bool has_pgbouncer_flag(const UrlSecretInputs& inputs);

api::Json url_secret(const UrlSecretInputs& inputs);

}  // namespace poolwright::render

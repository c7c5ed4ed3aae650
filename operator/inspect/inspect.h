// Says in words what a connection URL means to the client that reads it, and what is wrong with it.
// Facts about the clients: Prisma's documentation of connection URLs and the sources of the drivers' URL parsers.
// Thread rule: pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "inspect/database_url.h"

namespace poolwright::inspect {

/// Who reads the URL.
enum class Client {
  kPrisma6,  // Prisma 4-6 with the Rust engine
  kPrisma7,  // Prisma 6.16+ with a driver adapter, all of 7: node-postgres reads the URL
  kNodePostgres,
  kLibpq,  // psql, psycopg, SQLAlchemy with psycopg
  kPgx,
  kAsyncpg,
};

/// "prisma6", "prisma7", "node-postgres", "libpq", "pgx" or "asyncpg".
std::optional<Client> client_from_name(std::string_view name);

struct InspectOptions {
  Client client = Client::kPrisma6;
  bool for_migrations = false;
  std::optional<int> instances;     // of the application
  std::optional<int> pool_clients;  // clients that the pooler admits, or connections that the server allows
};

struct Finding {
  bool problem = false;  // false: good to know
  std::string text;
};

struct Inspection {
  bool pooled = false;
  std::string pooled_because;        // what gave it away
  std::vector<std::string> summary;  // limits and timeouts in words, one sentence each
  std::vector<Finding> findings;     // problems first
};

Inspection inspect_url(const DatabaseUrl& url, const InspectOptions& options);

}  // namespace poolwright::inspect

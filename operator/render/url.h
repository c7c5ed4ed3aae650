// Connection URLs, written so that libpq, node-postgres, Prisma's two engines, WHATWG URL, JDBC, pgx and asyncpg all
// read the same out of them. User and password are percent-encoded in every byte outside A-Za-z0-9-._~; names of
// databases are restricted instead, since some readers do not decode a path. Thread rule: pure functions over plain
// values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/secret.h"
#include "render/credentials.h"

namespace poolwright::render {

/// Every byte outside A-Za-z0-9-._~ as %XX.
std::string percent_encoded(std::string_view text);

/// "[::1]" for an IPv6 address, else the host as it is.
std::string url_host(std::string_view host);

/// Where a URL leads.
struct UrlTarget {
  std::string host;
  std::int32_t port = 0;
  std::string database;
};

/// Parameters behind the '?', in this order; values are percent-encoded.
using UrlQuery = std::vector<std::pair<std::string, std::string>>;

/// postgresql://user:password@host:port/database?query
SecretString postgres_url(const UrlTarget& target, const Credentials& credentials, const UrlQuery& query);

/// jdbc:postgresql://host:port/database?user=...&password=...&query
SecretString jdbc_url(const UrlTarget& target, const Credentials& credentials, const UrlQuery& query);

/// A line of libpq's password file, with its newline: host:port:database:user:password, ':' and '\' escaped.
SecretString pgpass_line(const UrlTarget& target, const Credentials& credentials);

}  // namespace poolwright::render

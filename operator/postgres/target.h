// Where a libpq connection goes and as whom. Plain values, used for PostgreSQL servers and for PgBouncer's console.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/secret.h"

namespace poolwright::postgres {

/// In libpq's words. Files are read by libpq at each connect, so a rotated file is used by the next connection.
struct TlsOptions {
  std::string mode = "prefer";  // sslmode: disable, allow, prefer, require, verify-ca, verify-full
  std::string root_certificate_file;
  std::string certificate_file;
  std::string key_file;
  friend bool operator==(const TlsOptions&, const TlsOptions&) = default;
};

struct Login {
  std::string user;
  SecretString password;
  friend bool operator==(const Login&, const Login&) = default;
};

/// A server whose address is known. libpq would resolve a name while it blocks the thread, so only numeric addresses
/// (IPv4 or IPv6) are taken; they are tried in order.
struct Target {
  std::vector<std::string> addresses;
  std::string host_name;  // what the certificate is compared with (verify-full) and SNI; may be empty
  std::uint16_t port = 5432;
  std::string database;
  Login login;
  TlsOptions tls;
  std::string application_name = "poolwright";
  friend bool operator==(const Target&, const Target&) = default;
};

/// Most addresses of one target that are tried within one connect deadline.
inline constexpr std::size_t kAddressesMax = 3;

}  // namespace poolwright::postgres

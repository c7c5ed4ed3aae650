// The configuration of a pool's PgBouncers: what the resource says, what the version knows, and what we decide.
// Thread rule: pure functions over plain values.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "api/connection_pool.h"
#include "base/result.h"
#include "render/ini.h"
#include "render/shares.h"
#include "render/version.h"

namespace poolwright::render {

/// Files as PgBouncer opens them, relative to its working directory. So the same configuration runs in a pod, on a
/// laptop and in a test.
inline constexpr const char* kWorkingDirectory = "/etc/poolwright";
inline constexpr const char* kIniPath = "config/pgbouncer.ini";
inline constexpr const char* kHbaPath = "config/pg_hba.conf";
inline constexpr const char* kUserlistPath = "users/userlist.txt";
inline constexpr const char* kClientTlsDirectory = "client-tls";
inline constexpr const char* kServerTlsDirectory = "server-tls";
/// There in every container and on every machine; the socket is open to PgBouncer's own user only.
inline constexpr const char* kSocketDirectory = "/tmp";

struct IniInputs {
  const api::ConnectionPoolSpec& spec;
  PgbouncerVersion version;
  const std::map<std::string, std::string>& usernames;  // by name of the database
  const std::map<std::string, Shares>& shares;          // by name of the database
};

/// Everything but the marker. Invalid where a typed field needs a newer PgBouncer, or a parameter is refused.
Result<Ini> pgbouncer_ini(const IniInputs& inputs);

/// As PgBouncer and libpq spell it: "verify-full".
std::string_view ssl_mode(api::TlsMode mode);

/// Whether clients must use TLS: a client TLS Secret is given and client_tls_sslmode was not lowered to allow or
/// prefer.
bool requires_client_tls(const api::Pgbouncer& pgbouncer);
/// Whether clients must show a certificate, and so the client TLS Secret must have ca.crt.
bool verifies_client_certificates(const api::Pgbouncer& pgbouncer);
/// What the PgBouncers really use (the user's value, else ours for the version); 0 also where it does not exist.
std::int32_t max_prepared_statements(const api::Pgbouncer& pgbouncer, const PgbouncerVersion& version);
/// How many clients one pod lets in, consoles included.
std::int32_t max_client_conn(const api::Pgbouncer& pgbouncer);

/// Text of a file that runs a rendered configuration on other addresses: `%include config/pgbouncer.ini` and settings
/// that come after it and so win. For local mode, tests and the demo; the working directory must hold the rendered
/// files.
std::string wrapper_ini(const std::string& listen_address, std::int32_t listen_port);

}  // namespace poolwright::render

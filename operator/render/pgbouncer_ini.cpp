#include "render/pgbouncer_ini.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "render/credentials.h"
#include "render/options.h"
#include "render/render.h"

namespace poolwright::render {

namespace {

using Settings = std::map<std::string, std::string>;

constexpr int kReservePoolSizeMinor = 24;
constexpr int kPreparedStatementsMinor = 21;
constexpr int kTransactionTimeoutMinor = 25;

std::string_view pool_mode(api::PoolMode mode) {
  switch (mode) {
    case api::PoolMode::kTransaction:
      return "transaction";
    case api::PoolMode::kSession:
      return "session";
    case api::PoolMode::kStatement:
      break;
  }
  return "statement";
}

/// What we decide where PgBouncer's default is not what a pool in a cluster needs. The user may override each.
Settings our_defaults() {
  return {
      // A TCP probe every 2 s and each client's comings and goings are not worth a line.
      {"log_connections", "0"},
      {"log_disconnections", "0"},
      // PostgreSQL itself refuses messages above 1 GiB; PgBouncer's own default lets one client hang it
      // (CVE-2026-6668).
      {"max_packet_size", "1073741824"},
      // After a failed login PgBouncer waits so long before it tries again, and clients wait with it. 15 s would be
      // most of
      // a failover; every 2 s costs the server nothing, since a pool opens one connection at a time.
      {"server_login_retry", "2"},
      // A node that vanished is noticed after 30 + 3 x 10 s instead of the kernel's two hours.
      {"tcp_keepcnt", "3"},
      {"tcp_keepidle", "30"},
      {"tcp_keepintvl", "10"},
  };
}

void add_fixed(Settings& settings) {
  settings["admin_users"] = kAdminUser;
  settings["auth_file"] = kUserlistPath;
  settings["auth_hba_file"] = kHbaPath;
  settings["auth_type"] = "hba";
  settings["listen_addr"] = "*";
  settings["listen_port"] = std::to_string(kPoolerPort);
  settings["stats_users"] = kStatsUser;
  settings["unix_socket_dir"] = kSocketDirectory;
  // 0700 in the form in which SHOW CONFIG gives it back. Over this socket PgBouncer lets its own user in as
  // administrator without a password, which only the pod's drain uses (object_drain.h).
  settings["unix_socket_mode"] = "448";
}

void add_timeouts(Settings& settings, const api::Timeouts& timeouts, const PgbouncerVersion& version) {
  const auto set = [&](const char* name, std::int32_t seconds) { settings[name] = std::to_string(seconds); };
  set("query_wait_timeout", timeouts.query_wait_seconds);
  set("server_idle_timeout", timeouts.server_idle_seconds);
  set("server_connect_timeout", timeouts.server_connect_seconds);
  set("server_lifetime", timeouts.server_lifetime_seconds);
  set("client_idle_timeout", timeouts.client_idle_seconds);
  set("idle_transaction_timeout", timeouts.idle_transaction_seconds);
  if (version.minor >= kTransactionTimeoutMinor) set("transaction_timeout", timeouts.transaction_seconds);
}

std::string in_directory(const char* directory, const char* file) { return std::string(directory) + "/" + file; }

void add_tls(Settings& settings, const api::ConnectionPoolSpec& spec) {
  const api::PostgresTls& server = spec.postgres.tls;
  // Written in every version: the default went from disable to prefer in 1.20.
  settings["server_tls_sslmode"] = ssl_mode(server.mode);
  if (server.ca_secret_ref) settings["server_tls_ca_file"] = in_directory(kServerTlsDirectory, "ca.crt");
  if (server.client_cert_secret_ref) {
    settings["server_tls_cert_file"] = in_directory(kServerTlsDirectory, "tls.crt");
    settings["server_tls_key_file"] = in_directory(kServerTlsDirectory, "tls.key");
  }
  if (!spec.pgbouncer.client_tls_secret_ref) return;
  settings["client_tls_sslmode"] = "require";
  settings["client_tls_cert_file"] = in_directory(kClientTlsDirectory, "tls.crt");
  settings["client_tls_key_file"] = in_directory(kClientTlsDirectory, "tls.key");
  if (verifies_client_certificates(spec.pgbouncer)) {
    settings["client_tls_ca_file"] = in_directory(kClientTlsDirectory, "ca.crt");
  }
}

Error field_error(std::string_view path, std::string_view message) {
  return make_error(ErrorKind::kInvalid, std::string(path).append(": ").append(message));
}

/// The user's parameters over what is there, each in its canonical form.
Status add_parameters(Settings& settings, const api::Pgbouncer& pgbouncer, const PgbouncerVersion& version) {
  const auto errors = check_parameters(pgbouncer.parameters, version);
  if (!errors.empty()) return field_error(errors.front().path, errors.front().message);
  for (const auto& [name, value] : pgbouncer.parameters) {
    PW_ASSIGN_OR_RETURN(settings[name], canonical_value(*find_option(Section::kPgbouncer, name), value));
  }
  settings["ignore_startup_parameters"] = merged_startup_parameters(settings["ignore_startup_parameters"]);
  return ok();
}

Status check_fields(const api::ConnectionPoolSpec& spec, const PgbouncerVersion& version) {
  if (spec.pgbouncer.timeouts.transaction_seconds > 0 && version.minor < kTransactionTimeoutMinor) {
    return field_error("spec.pgbouncer.timeouts.transactionSeconds",
                       "needs PgBouncer 1.25 or newer; set it to 0 or raise spec.pgbouncer.version");
  }
  const api::PostgresTls& tls = spec.postgres.tls;
  const bool verifies = tls.mode == api::TlsMode::kVerifyCa || tls.mode == api::TlsMode::kVerifyFull;
  if (verifies && !tls.ca_secret_ref) {
    return field_error("spec.postgres.tls.caSecretRef", "must be given where mode is VerifyCA or VerifyFull");
  }
  const bool has_client_mode = spec.pgbouncer.parameters.contains("client_tls_sslmode");
  if (has_client_mode && !spec.pgbouncer.client_tls_secret_ref) {
    return field_error("spec.pgbouncer.parameters.client_tls_sslmode", "needs spec.pgbouncer.clientTlsSecretRef");
  }
  return ok();
}

IniEntry database_entry(const api::Database& database, const IniInputs& inputs) {
  const Shares& shares = inputs.shares.at(database.name);
  const api::Postgres& postgres = inputs.spec.postgres;
  const bool has_new_name = inputs.version.minor >= kReservePoolSizeMinor;
  return {.name = database.name,
          .settings = {
              {.key = "host", .value = postgres.host},
              {.key = "port", .value = std::to_string(postgres.port)},
              {.key = "dbname", .value = api::server_database(database)},
              // Forced: one user a database is one pool a database, so its size is exact.
              {.key = "user", .value = inputs.usernames.at(database.name)},
              {.key = "pool_size", .value = std::to_string(shares.pool_size)},
              {.key = "min_pool_size", .value = std::to_string(shares.min_pool_size)},
              {.key = has_new_name ? "reserve_pool_size" : "reserve_pool",
               .value = std::to_string(shares.reserve_pool_size)},
              {.key = "max_db_connections", .value = std::to_string(shares.max_connections)},
              {.key = "pool_mode", .value = std::string(pool_mode(inputs.spec.pgbouncer.pool_mode))},
          }};
}

std::string_view client_ssl_mode(const api::Pgbouncer& pgbouncer) {
  if (!pgbouncer.client_tls_secret_ref) return "disable";
  const auto found = pgbouncer.parameters.find("client_tls_sslmode");
  return found == pgbouncer.parameters.end() ? std::string_view("require") : std::string_view(found->second);
}

}  // namespace

std::string_view ssl_mode(api::TlsMode mode) {
  switch (mode) {
    case api::TlsMode::kDisable:
      return "disable";
    case api::TlsMode::kPrefer:
      return "prefer";
    case api::TlsMode::kRequire:
      return "require";
    case api::TlsMode::kVerifyCa:
      return "verify-ca";
    case api::TlsMode::kVerifyFull:
      break;
  }
  return "verify-full";
}

bool requires_client_tls(const api::Pgbouncer& pgbouncer) {
  return client_ssl_mode(pgbouncer) == "require" || verifies_client_certificates(pgbouncer);
}

bool verifies_client_certificates(const api::Pgbouncer& pgbouncer) {
  return client_ssl_mode(pgbouncer).starts_with("verify-");
}

std::int32_t max_prepared_statements(const api::Pgbouncer& pgbouncer, const PgbouncerVersion& version) {
  if (version.minor < kPreparedStatementsMinor) return 0;
  const Option* option = find_option(Section::kPgbouncer, "max_prepared_statements");
  const auto given = pgbouncer.parameters.find("max_prepared_statements");
  if (given != pgbouncer.parameters.end() && canonical_value(*option, given->second)) return std::stoi(given->second);
  // 1.21 has them, but a DEALLOCATE ALL of one client (Prisma's with pgbouncer=true) breaks the others there.
  return version.minor == kPreparedStatementsMinor ? 0 : 200;
}

std::int32_t max_client_conn(const api::Pgbouncer& pgbouncer) {
  return pgbouncer.max_client_connections + kConsoleHeadroom;
}

Result<Ini> pgbouncer_ini(const IniInputs& inputs) {
  const api::Pgbouncer& pgbouncer = inputs.spec.pgbouncer;
  PW_RETURN_IF_ERROR(check_fields(inputs.spec, inputs.version));
  Settings settings = our_defaults();
  if (inputs.version.minor >= kPreparedStatementsMinor) {
    settings["max_prepared_statements"] = std::to_string(max_prepared_statements(pgbouncer, inputs.version));
  }
  add_tls(settings, inputs.spec);
  PW_RETURN_IF_ERROR(add_parameters(settings, pgbouncer, inputs.version));
  add_fixed(settings);
  add_timeouts(settings, pgbouncer.timeouts, inputs.version);
  settings["max_client_conn"] = std::to_string(max_client_conn(pgbouncer));
  settings["pool_mode"] = pool_mode(pgbouncer.pool_mode);

  Ini ini;
  for (const api::Database& database : inputs.spec.databases) ini.databases.push_back(database_entry(database, inputs));
  for (auto& [key, value] : settings) ini.pgbouncer.push_back({.key = key, .value = std::move(value)});
  return ini;
}

std::string wrapper_ini(const std::string& listen_address, std::int32_t listen_port) {
  return std::string("%include ") + kIniPath + "\nlisten_addr = " + listen_address +
         "\nlisten_port = " + std::to_string(listen_port) + "\nunix_socket_dir =\n";
}

}  // namespace poolwright::render

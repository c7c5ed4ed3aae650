#include "render/object_url_secret.h"

#include <map>

#include "render/names.h"
#include "render/object_frame.h"
#include "render/pgbouncer_ini.h"

namespace poolwright::render {

namespace {

constexpr int kPreparedStatementsMinor = 21;
constexpr int kMillisecondsPerSecond = 1000;

/// sslmode for clients of the server. Where PgBouncer verifies the server's certificate, clients are still told
/// `require`: where they keep the CA is not ours to know, and verify-full without it fails in every reader.
UrlQuery direct_ssl(api::TlsMode mode) {
  if (mode == api::TlsMode::kDisable || mode == api::TlsMode::kPrefer) return {};
  return {{"sslmode", "require"}};
}

UrlQuery pooler_ssl(const api::Pgbouncer& pgbouncer) {
  if (!requires_client_tls(pgbouncer)) return {};
  return {{"sslmode", "require"}};
}

UrlQuery joined(UrlQuery first, const UrlQuery& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

/// Never schema=: its SET search_path would leak to other clients of the pool. Never 0: it means no limit to Prisma.
UrlQuery pooled_query(const UrlSecretInputs& inputs) {
  const api::Application& application = inputs.database.application;
  UrlQuery query;
  if (has_pgbouncer_flag(inputs)) query.emplace_back("pgbouncer", "true");
  query.emplace_back("connection_limit", std::to_string(inputs.connection_limit));
  query.emplace_back("pool_timeout", std::to_string(application.pool_timeout_seconds));
  return joined(query, pooler_ssl(inputs.pool.spec.pgbouncer));
}

UrlQuery direct_query(const UrlSecretInputs& inputs) {
  const api::Application& application = inputs.database.application;
  const UrlQuery query{{"connection_limit", std::to_string(application.direct_connection_limit)},
                       {"pool_timeout", std::to_string(application.pool_timeout_seconds)},
                       {"connect_timeout", std::to_string(application.connect_timeout_seconds)}};
  return joined(query, direct_ssl(inputs.pool.spec.postgres.tls.mode));
}

/// Server-prepared statements live on one server connection; a transaction pool without support for them breaks them.
bool loses_prepared_statements(const UrlSecretInputs& inputs) {
  const api::Pgbouncer& pgbouncer = inputs.pool.spec.pgbouncer;
  if (pgbouncer.pool_mode == api::PoolMode::kSession) return false;
  return inputs.version.minor < kPreparedStatementsMinor || max_prepared_statements(pgbouncer, inputs.version) == 0;
}

UrlQuery pooler_jdbc_query(const UrlSecretInputs& inputs) {
  UrlQuery query;
  if (loses_prepared_statements(inputs)) query.emplace_back("prepareThreshold", "0");
  return joined(query, pooler_ssl(inputs.pool.spec.pgbouncer));
}

}  // namespace

bool has_pgbouncer_flag(const UrlSecretInputs& inputs) {
  switch (inputs.database.application.pgbouncer_flag) {
    case api::PgbouncerFlag::kAlways:
      return true;
    case api::PgbouncerFlag::kNever:
      return false;
    case api::PgbouncerFlag::kAuto:
      break;
  }
  return loses_prepared_statements(inputs);
}

api::Json url_secret(const UrlSecretInputs& inputs) {
  const Credentials& login = inputs.credentials;
  const api::Application& application = inputs.database.application;
  const UrlQuery direct_tls = direct_ssl(inputs.pool.spec.postgres.tls.mode);
  const SecretString direct_url = postgres_url(inputs.direct, login, direct_query(inputs));
  const auto text = [](std::string value) { return SecretString(std::move(value)); };
  const std::map<std::string, SecretString> values{
      {"DATABASE_URL", postgres_url(inputs.pooler, login, pooled_query(inputs))},
      {"DATABASE_URL_DIRECT", direct_url},
      {"DIRECT_URL", direct_url},
      {"DATABASE_POOL_MAX", text(std::to_string(inputs.connection_limit))},
      {"DATABASE_POOL_TIMEOUT_MS",
       text(std::to_string(std::int64_t{application.pool_timeout_seconds} * kMillisecondsPerSecond))},
      {"uri", postgres_url(inputs.direct, login, direct_tls)},
      {"jdbc-uri", jdbc_url(inputs.direct, login, direct_tls)},
      {"pgbouncer-uri", postgres_url(inputs.pooler, login, pooler_ssl(inputs.pool.spec.pgbouncer))},
      {"pgbouncer-jdbc-uri", jdbc_url(inputs.pooler, login, pooler_jdbc_query(inputs))},
      {"host", text(inputs.direct.host)},
      {"port", text(std::to_string(inputs.direct.port))},
      {"dbname", text(inputs.direct.database)},
      {"username", text(login.username)},
      {"user", text(login.username)},
      {"password", login.password},
      {"pgbouncer-host", text(inputs.pooler.host)},
      {"pgbouncer-port", text(std::to_string(inputs.pooler.port))},
      {"pgbouncer-dbname", text(inputs.pooler.database)},
      {"pgpass", text(pgpass_line(inputs.pooler, login).reveal() + pgpass_line(inputs.direct, login).reveal())},
      {"type", text("postgresql")},
      {"provider", text("poolwright")},
  };
  return framed_secret(inputs.pool, url_secret_name(inputs.pool, inputs.database), kUrlSecretType, values);
}

}  // namespace poolwright::render

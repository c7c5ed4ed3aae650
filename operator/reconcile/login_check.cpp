#include "reconcile/login_check.h"

#include <set>

#include "postgres/probe.h"
#include "render/credentials.h"

namespace poolwright::reconcile {

namespace {

constexpr Duration kLimit{4'000};

bool verifies(api::TlsMode mode) { return mode == api::TlsMode::kVerifyCa || mode == api::TlsMode::kVerifyFull; }

const char* ssl_mode(api::TlsMode mode) {
  if (mode == api::TlsMode::kDisable) return "disable";
  return mode == api::TlsMode::kPrefer ? "prefer" : "require";
}

/// Where the resource wants the server's certificate verified, which needs files that only the pods have, no password
/// is sent: a server that asks for one is past refusing connections.
Status check_login(postgres::IoThread& thread, const Clock& clock, const Facts& facts, const api::Database& database,
                   const render::Credentials& login, const CallLimits& limits) {
  const api::Postgres& server = facts.pool.spec.postgres;
  const bool is_anonymous = verifies(server.tls.mode);
  const postgres::ServerAddress address{
      .host = server.host,
      .port = static_cast<std::uint16_t>(server.port),
      .database = api::server_database(database),
      .login = {.user = login.username, .password = is_anonymous ? SecretString() : login.password},
      .tls = {.mode = ssl_mode(server.tls.mode)}};
  const CallLimits cut{.deadline = limits.deadline.at_most(kLimit), .stop = limits.stop};
  const auto answer = postgres::probe(thread, clock, address, cut);
  if (answer || (is_anonymous && answer.error().kind == ErrorKind::kUnauthorized)) return ok();
  return answer.error();
}

}  // namespace

LoginCheck make_login_check(postgres::IoThread& thread, const Clock& clock) {
  return [&thread, &clock](const Facts& facts, const CallLimits& limits) -> Status {
    std::set<std::string> checked;
    for (const api::Database& database : facts.pool.spec.databases) {
      if (checked.size() >= kLoginsCheckedMax) break;
      const std::string& name = database.credentials_secret_ref.name;
      const auto secret = facts.secrets.find(name);
      if (secret == facts.secrets.end() || !checked.insert(name).second) continue;
      if (!secret->second) return secret->second.error();
      PW_ASSIGN_OR_RETURN(const render::Credentials login, render::read_credentials(*secret->second));
      PW_RETURN_IF_ERROR(check_login(thread, clock, facts, database, login, limits));
    }
    return ok();
  };
}

}  // namespace poolwright::reconcile

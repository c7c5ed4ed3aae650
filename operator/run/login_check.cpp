#include "run/login_check.h"

#include <set>

#include "postgres/probe.h"
#include "render/credentials.h"

namespace poolwright::run {

namespace {

using reconcile::Facts;

constexpr Duration kLoginLimit{4'000};

}  // namespace

Status check_logins(const LoginCheckParts& parts, const Facts& facts, const CallLimits& limits) {
  const api::ConnectionPool& pool = facts.pool;
  const auto pools = parts.watch.pools();
  const auto known = pools.find(pool_id(pool.namespace_name, pool.name));
  if (known == pools.end() || pool.spec.databases.empty()) {
    return make_error(ErrorKind::kUnavailable, "it is not known yet how PostgreSQL is reached");
  }
  if (!known->second->server) return make_error(ErrorKind::kUnavailable, known->second->server_problem);
  std::set<std::string> checked;
  for (const api::Database& database : pool.spec.databases) {
    const std::string& name = database.credentials_secret_ref.name;
    if (!checked.insert(name).second) continue;
    const api::ObjectKey key{
        .api_version = "v1", .kind = "Secret", .namespace_name = pool.namespace_name, .name = name};
    PW_ASSIGN_OR_RETURN(const api::Json secret, parts.secrets.read(key, limits));
    PW_ASSIGN_OR_RETURN(const render::Credentials login, render::read_credentials(secret));
    postgres::ServerAddress address = *known->second->server;
    address.database = api::server_database(database);
    address.login = {.user = login.username, .password = login.password};
    const CallLimits cut{.deadline = limits.deadline.at_most(kLoginLimit), .stop = limits.stop};
    PW_RETURN_IF_ERROR(postgres::probe(parts.thread, parts.clock, address, cut));
  }
  return ok();
}

reconcile::ServerKnowledge server_knowledge(const Failovers& failovers, const LoginCheckParts& parts) {
  return {
      .serving_since = [&failovers](const Facts& facts) { return failovers.serving_since(server_name(facts.pool)); },
      .check_logins = [parts](const Facts& facts,
                              const CallLimits& limits) { return check_logins(parts, facts, limits); }};
}

}  // namespace poolwright::run

#include "run/pool_watch.h"

#include <algorithm>
#include <utility>

#include "base/digest.h"
#include "render/credentials.h"
#include "render/pgbouncer_ini.h"
#include "run/server_name.h"

namespace poolwright::run {

namespace {

using reconcile::Facts;

/// One decoded value of a Secret that was gathered; empty where it or the key is not there.
SecretString value_of(const Facts& facts, const std::string& secret, const char* key) {
  const auto found = facts.secrets.find(secret);
  if (found == facts.secrets.end() || !found->second) return {};
  const api::Json::json_pointer path = api::Json::json_pointer("/data") / key;
  const api::Json& object = *found->second;
  if (!object.contains(path) || !object.at(path).is_string()) return {};
  return SecretString(base64_decode(object.at(path).get<std::string>()).value_or(std::string()));
}

/// The file of before where it holds the same, so that connections need not be made anew.
Result<std::string> path_of(const SecretString& content, const WatchTargets& before, WatchTargets& targets) {
  const auto same = [&](const auto& file) { return file->content() == content; };
  const auto known = std::find_if(before.files.begin(), before.files.end(), same);
  std::shared_ptr<const MemoryFile> file;
  if (known != before.files.end()) {
    file = *known;
  } else {
    PW_ASSIGN_OR_RETURN(file, MemoryFile::make(content));
  }
  targets.files.push_back(file);
  return file->path();
}

Result<postgres::TlsOptions> tls_of(const Facts& facts, const WatchTargets& before, WatchTargets& targets) {
  const api::PostgresTls& tls = facts.pool.spec.postgres.tls;
  postgres::TlsOptions options{.mode = std::string(render::ssl_mode(tls.mode))};
  const auto file = [&](const std::string& secret, const char* key, std::string& path) -> Status {
    const SecretString content = value_of(facts, secret, key);
    if (content.empty()) {
      return make_error(ErrorKind::kNotFound, std::string("Secret ") + secret + " has no usable key " + key);
    }
    PW_ASSIGN_OR_RETURN(path, path_of(content, before, targets));
    return ok();
  };
  if (tls.ca_secret_ref) PW_RETURN_IF_ERROR(file(tls.ca_secret_ref->name, "ca.crt", options.root_certificate_file));
  if (tls.client_cert_secret_ref) {
    PW_RETURN_IF_ERROR(file(tls.client_cert_secret_ref->name, "tls.crt", options.certificate_file));
    PW_RETURN_IF_ERROR(file(tls.client_cert_secret_ref->name, "tls.key", options.key_file));
  }
  return options;
}

Result<render::Credentials> login_of(const Facts& facts, const api::SecretRef& login) {
  const auto secret = facts.secrets.find(login.name);
  if (secret == facts.secrets.end()) return make_error(ErrorKind::kNotFound, "Secret " + login.name + " was not read");
  if (!secret->second) return secret->second.error();
  return render::read_credentials(*secret->second);
}

/// The observer's login; that of the first database where there is none, or none that can be used.
Result<render::Credentials> watching_login(const Facts& facts, WatchTargets& targets) {
  const api::ConnectionPoolSpec& spec = facts.pool.spec;
  if (spec.postgres.observer_secret_ref) {
    auto observer = login_of(facts, *spec.postgres.observer_secret_ref);
    targets.has_observer = observer.has_value();
    if (observer) return observer;
  }
  return login_of(facts, spec.databases.front().credentials_secret_ref);
}

Result<postgres::ServerAddress> address_of(const Facts& facts, HostNames names, const WatchTargets& before,
                                           WatchTargets& targets) {
  const api::ConnectionPoolSpec& spec = facts.pool.spec;
  const api::Database& database = spec.databases.front();
  PW_ASSIGN_OR_RETURN(const render::Credentials credentials, watching_login(facts, targets));
  const bool is_of_cluster = names == HostNames::kOfCluster;
  postgres::ServerAddress address{.host = is_of_cluster ? host_from_anywhere(facts.pool) : spec.postgres.host,
                                  .port = static_cast<std::uint16_t>(spec.postgres.port),
                                  .database = api::server_database(database),
                                  .login = {.user = credentials.username, .password = credentials.password},
                                  .tls = {}};
  PW_ASSIGN_OR_RETURN(address.tls, tls_of(facts, before, targets));
  return address;
}

Result<redis::ProbeTarget> redis_of(const Facts& facts, const std::string& secret) {
  const auto found = facts.secrets.find(secret);
  if (found != facts.secrets.end() && !found->second) return found->second.error();
  const SecretString url = value_of(facts, secret, "url");
  if (url.empty()) return make_error(ErrorKind::kNotFound, "Secret " + secret + " has no usable key url");
  PW_ASSIGN_OR_RETURN(redis::RedisUrl parsed, redis::parse_redis_url(url));
  const SecretString password = value_of(facts, secret, "password");
  if (!password.empty()) parsed.password = password;
  return redis::ProbeTarget{.url = std::move(parsed), .ca_pem = value_of(facts, secret, "ca.crt").reveal()};
}

WatchTargets targets_of(const Facts& facts, HostNames names, const WatchTargets& before) {
  WatchTargets targets{.server_name = server_name(facts.pool)};
  auto server = address_of(facts, names, before, targets);
  if (server) {
    targets.server = *std::move(server);
  } else {
    targets.server_problem = server.error().message;
  }
  if (const auto& secret = facts.pool.spec.monitoring.redis_secret_ref) {
    auto redis = redis_of(facts, secret->name);
    if (redis) {
      targets.redis = *std::move(redis);
    } else {
      targets.redis_problem = redis.error().message;
    }
  }
  return targets;
}

}  // namespace

std::string pool_id(const std::string& namespace_name, const std::string& name) { return namespace_name + "/" + name; }

void PoolWatch::watch(const Facts& facts) {
  inner_.watch(facts);
  if (facts.pool.spec.databases.empty()) return;  // its spec cannot be used; whom to ask stays as it was
  const std::string id = pool_id(facts.pool.namespace_name, facts.pool.name);
  std::shared_ptr<const WatchTargets> before;
  {
    const MutexLock lock(mutex_);
    const auto known = pools_.find(id);
    if (known != pools_.end()) before = known->second;
  }
  // A pool is looked at by one thread at a time, so nobody else changes its entry meanwhile.
  auto targets = std::make_shared<const WatchTargets>(targets_of(facts, names_, before ? *before : WatchTargets{}));
  const MutexLock lock(mutex_);
  pools_.insert_or_assign(id, std::move(targets));
  ++generation_;
}

void PoolWatch::forget(const std::string& namespace_name, const std::string& pool_name) {
  inner_.forget(namespace_name, pool_name);
  const MutexLock lock(mutex_);
  pools_.erase(pool_id(namespace_name, pool_name));
  ++generation_;
}

PoolWatch::Pools PoolWatch::pools() const {
  const MutexLock lock(mutex_);
  return pools_;
}

std::uint64_t PoolWatch::generation() const {
  const MutexLock lock(mutex_);
  return generation_;
}

}  // namespace poolwright::run

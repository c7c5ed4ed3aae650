#include <algorithm>
#include <string_view>

#include "render/pgbouncer_ini.h"
#include "render/render.h"

namespace poolwright::render {

namespace {

void add_keys(std::vector<std::string>& keys, const std::vector<std::string>& added) {
  keys.insert(keys.end(), added.begin(), added.end());
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
}

void remove_keys(std::vector<std::string>& keys, const std::vector<std::string>& sorted) {
  std::erase_if(keys, [&](const std::string& key) { return std::binary_search(sorted.begin(), sorted.end(), key); });
}

/// Collects by name, so that a Secret that several fields name is read once.
class Collection {
 public:
  void add(const api::SecretRef& ref, const std::string& path, const std::vector<std::string>& keys) {
    add_keys(named(ref, path).keys, keys);
  }

  void add_for_watching(const api::SecretRef& ref, const std::string& path, const std::vector<std::string>& keys,
                        const std::vector<std::string>& optional_keys = {}) {
    RequiredSecret& secret = named(ref, path);
    add_keys(secret.watch_keys, keys);
    add_keys(secret.optional_keys, optional_keys);
  }

  std::vector<RequiredSecret> list() const {
    std::vector<RequiredSecret> all;
    for (const auto& entry : by_name_) {
      RequiredSecret secret = entry.second;
      remove_keys(secret.watch_keys, secret.keys);
      remove_keys(secret.optional_keys, secret.keys);
      remove_keys(secret.optional_keys, secret.watch_keys);
      all.push_back(std::move(secret));
    }
    return all;
  }

 private:
  RequiredSecret& named(const api::SecretRef& ref, const std::string& path) {
    RequiredSecret& secret = by_name_[ref.name];
    if (secret.name.empty()) {
      secret.name = ref.name;
      secret.path = path;
    }
    return secret;
  }

  std::map<std::string, RequiredSecret> by_name_;
};

}  // namespace

std::vector<RequiredSecret> required_secrets(const api::ConnectionPool& pool) {
  const api::ConnectionPoolSpec& spec = pool.spec;
  const std::vector<std::string> login{"password", "username"};
  const std::vector<std::string> certificate{"tls.crt", "tls.key"};
  Collection secrets;
  for (std::size_t i = 0; i < spec.databases.size(); ++i) {
    secrets.add(spec.databases[i].credentials_secret_ref,
                "spec.databases[" + std::to_string(i) + "].credentialsSecretRef", login);
  }
  const api::Postgres& postgres = spec.postgres;
  if (postgres.observer_secret_ref)
    secrets.add_for_watching(*postgres.observer_secret_ref, "spec.postgres.observerSecretRef", login);
  if (postgres.tls.ca_secret_ref) secrets.add(*postgres.tls.ca_secret_ref, "spec.postgres.tls.caSecretRef", {"ca.crt"});
  if (postgres.tls.client_cert_secret_ref) {
    secrets.add(*postgres.tls.client_cert_secret_ref, "spec.postgres.tls.clientCertSecretRef", certificate);
  }
  if (spec.pgbouncer.client_tls_secret_ref) {
    const std::string path = "spec.pgbouncer.clientTlsSecretRef";
    secrets.add(*spec.pgbouncer.client_tls_secret_ref, path, certificate);
    if (verifies_client_certificates(spec.pgbouncer))
      secrets.add(*spec.pgbouncer.client_tls_secret_ref, path, {"ca.crt"});
  }
  if (spec.monitoring.redis_secret_ref) {
    secrets.add_for_watching(*spec.monitoring.redis_secret_ref, "spec.monitoring.redisSecretRef", {"url"},
                             {"password"});
  }
  return secrets.list();
}

}  // namespace poolwright::render

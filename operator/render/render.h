// The main entry of the room: a ConnectionPool and the facts around it in, every file and Kubernetes object out. The
// same input gives the same bytes. Nothing is rendered from a resource that PgBouncer or the API server would refuse.
// Thread rule: pure functions over plain values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/connection_pool.h"
#include "api/object.h"
#include "base/result.h"
#include "base/secret.h"
#include "render/credentials.h"
#include "render/shares.h"

namespace poolwright::render {

/// Port that PgBouncer listens on in a pod, and of the Service.
inline constexpr std::int32_t kPoolerPort = 6432;

/// Host and port under which clients reach the pool.
struct PoolerAddress {
  std::string host;
  std::int32_t port = kPoolerPort;
};

struct RenderInputs {
  const api::ConnectionPool& pool;                   // validated, for this call only
  std::map<std::string, Credentials> credentials{};  // by name of the database; one for each
  ConsoleCredentials console{};
  std::map<std::string, std::int32_t> sizes{};  // by name of the database, sum over all pods; absent: the initial size
  std::map<std::string, std::int32_t> instances{};  // by name of the database, where application.instancesFrom was read
  std::int32_t pod_slots = 1;                       // pods that may run at once, those that stop left out, >= 1
  PodHolds held_back{};                             // what is not shared: above all, what pods that stop may still hold
  std::string default_image{};                      // for a resource without spec.pgbouncer.image
  std::optional<PoolerAddress> pooler_address{};    // absent: the Service; set where there is no cluster
};

/// What became of one database.
struct DatabaseRendered {
  std::string name;
  std::string secret_name;            // of its URLs
  std::int32_t size = 0;              // server connections, sum over all pods
  std::int32_t share = 0;             // pool_size of one pod, at least 1: see shares_of
  std::int32_t reserve_share = 0;     // reserve pool of one pod, may be 0
  std::int32_t connection_limit = 0;  // per instance of the application, as it stands in the URL
  std::string warning;                // instances x limit above what the pool admits, else ""
};

struct Rendered {
  /// In the order in which they are applied; every prefix is a safe state: ServiceAccount, console Secret, userlist
  /// Secret, ConfigMap, URL Secrets (order of spec.databases), Service, PodDisruptionBudget, NetworkPolicy, Deployment.
  std::vector<api::Json> objects;
  std::string config_hash;  // of ini, HBA file and userlist; 64 hex digits
  std::string marker;       // value of syslog_ident: "poolwright-" and the first 16 digits of config_hash
  std::string user_marker;  // name of a user that cannot log in; SHOW USERS has it once this userlist was loaded
  std::string ini;          // pgbouncer.ini; no secret in it
  std::string hba;          // pg_hba.conf
  SecretString userlist;    // userlist.txt
  std::vector<DatabaseRendered> databases;  // order of spec.databases
  PoolerAddress pooler;                     // as it stands in the URLs
  std::int32_t max_client_conn = 0;         // of one pod: the user's limit and the headroom for consoles
};

/// Invalid where the resource, a login or a combination of them cannot be rendered (the message names the field).
Result<Rendered> render(const RenderInputs& inputs);

/// Secrets of the user that a resource names, once each, by name.
struct RequiredSecret {
  std::string name;
  std::vector<std::string> keys;           // that the pool needs to serve
  std::vector<std::string> watch_keys;     // that only watching PostgreSQL or Redis needs
  std::vector<std::string> optional_keys;  // that are read if there
  std::string path;                        // first field that names it: "spec.databases[0].credentialsSecretRef"
  friend bool operator==(const RequiredSecret&, const RequiredSecret&) = default;
};
std::vector<RequiredSecret> required_secrets(const api::ConnectionPool& pool);

/// Sizes that a ConfigMap of ours was rendered with (annotation), so that a restarted operator goes on from them.
/// Anything malformed is left out.
std::map<std::string, std::int32_t> recorded_sizes(const api::Json& config_map);

/// The object for a person's eyes: Secret values are "***", URLs keep their shape with the password replaced.
/// Objects other than Secrets come back as they are.
api::Json masked(const api::Json& object);

}  // namespace poolwright::render

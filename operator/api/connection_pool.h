// The ConnectionPool resource (poolwright.dev/v1alpha1) as plain values: what a user may say (spec) and what the
// operator answers (status, api/status.h). Member initialisers are the defaults; the CRD carries the same ones and a
// test compares the two. JSON names are the camelCase of the member names unless a comment says otherwise.
// Thread rule: plain values.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace poolwright::api {

inline constexpr const char* kGroup = "poolwright.dev";
inline constexpr const char* kVersion = "v1alpha1";
inline constexpr const char* kApiVersion = "poolwright.dev/v1alpha1";
inline constexpr const char* kKind = "ConnectionPool";
inline constexpr const char* kPlural = "connectionpools";

/// Name of a Secret in the resource's own namespace; there is no way to name another namespace.
struct SecretRef {
  std::string name;
  friend bool operator==(const SecretRef&, const SecretRef&) = default;
};

enum class TlsMode {
  kDisable,
  kPrefer,
  kRequire,
  kVerifyCa,
  kVerifyFull
};  // Disable, Prefer, Require, VerifyCA, VerifyFull
enum class PoolMode { kTransaction, kSession, kStatement };
enum class SizingMode { kAuto, kRecommend, kFixed };
enum class ServiceType { kClusterIp, kNodePort, kLoadBalancer };  // ClusterIP, NodePort, LoadBalancer
enum class PgbouncerFlag { kAlways, kAuto, kNever };              // whether DATABASE_URL carries pgbouncer=true
enum class WorkloadKind { kDeployment, kStatefulSet };

struct PostgresTls {
  TlsMode mode = TlsMode::kPrefer;
  std::optional<SecretRef> ca_secret_ref;           // key ca.crt
  std::optional<SecretRef> client_cert_secret_ref;  // keys tls.crt, tls.key
  friend bool operator==(const PostgresTls&, const PostgresTls&) = default;
};

/// What all pools together may take from the server.
struct ConnectionBudget {
  std::optional<std::int32_t> max;  // 1-100000; absent: max_connections of the server
  std::int32_t reserved = 10;       // 0-10000; kept for migrations, administrators and direct clients
  friend bool operator==(const ConnectionBudget&, const ConnectionBudget&) = default;
};

struct Postgres {
  std::string host;  // DNS name, IPv4 or IPv6 address; at most 253 characters
  std::int32_t port = 5432;
  PostgresTls tls;
  std::optional<SecretRef> observer_secret_ref;  // keys username, password of a role with pg_monitor
  ConnectionBudget connection_budget;
  friend bool operator==(const Postgres&, const Postgres&) = default;
};

/// Connections that the server sees from one database of the pool: the sum over all pods.
struct PoolSize {
  std::int32_t min = 5;                 // 0-10000
  std::int32_t max = 25;                // 1-10000; 0 would mean unlimited to PgBouncer and is refused
  std::optional<std::int32_t> initial;  // min..max; absent: max
  friend bool operator==(const PoolSize&, const PoolSize&) = default;
};

/// A workload of the resource's own namespace whose spec.replicas is the number of instances.
struct WorkloadRef {
  WorkloadKind kind = WorkloadKind::kDeployment;
  std::string name;
  friend bool operator==(const WorkloadRef&, const WorkloadRef&) = default;
};

/// How the instances of the application use the database.
struct Application {
  std::optional<std::int32_t> instances;  // 1-10000; at most one of instances and instances_from
  std::optional<WorkloadRef> instances_from;
  std::optional<std::int32_t>
      connection_limit;                       // 1-1000 per instance; absent: derived where instances are known, else 5
  std::int32_t pool_timeout_seconds = 20;     // 1-3600
  std::int32_t connect_timeout_seconds = 10;  // 1-3600
  std::int32_t direct_connection_limit = 10;  // 1-1000, in the direct URL only
  std::optional<std::string> secret_name;     // absent: derived from the names of pool and database
  PgbouncerFlag pgbouncer_flag = PgbouncerFlag::kAlways;
  friend bool operator==(const Application&, const Application&) = default;
};

struct Database {
  std::string name;  // what clients ask PgBouncer for; ^[A-Za-z_][A-Za-z0-9_-]{0,62}$, not "pgbouncer"
  std::optional<std::string> database_name;  // on the server; absent: name
  SecretRef credentials_secret_ref;          // keys username, password
  PoolSize pool_size;
  std::int32_t reserve_pool_size = 5;  // 0-1000, sum over all pods like the size
  std::int32_t max_connections = 50;   // 1-10000, cap of server connections, sum over all pods
  Application application;
  friend bool operator==(const Database&, const Database&) = default;
};

/// Seconds; 0 switches the limit off where PgBouncer allows that.
struct Timeouts {
  std::int32_t query_wait_seconds = 120;        // 1-86400: 0 (wait for ever) is refused
  std::int32_t server_idle_seconds = 60;        // 0-86400
  std::int32_t server_connect_seconds = 15;     // 1-3600
  std::int32_t server_lifetime_seconds = 3600;  // 0-604800
  std::int32_t client_idle_seconds = 0;         // 0-604800
  std::int32_t idle_transaction_seconds = 0;    // 0-86400
  std::int32_t transaction_seconds = 0;         // 0-86400; PgBouncer 1.25 and newer
  friend bool operator==(const Timeouts&, const Timeouts&) = default;
};

/// A quantity map as in Kubernetes: {"cpu": "100m", "memory": "128Mi"}.
using Quantities = std::map<std::string, std::string>;

struct Resources {
  Quantities requests{{"cpu", "100m"}, {"memory", "64Mi"}};
  Quantities limits{{"memory", "256Mi"}};
  friend bool operator==(const Resources&, const Resources&) = default;
};

/// The part of a pod template that a user may say; everything about privileges is fixed (restricted profile).
/// The free-form members hold the JSON of the core/v1 types of the same names.
struct PodTemplate {
  std::map<std::string, std::string> labels;       // never ours (app.kubernetes.io/*, poolwright.dev/*)
  std::map<std::string, std::string> annotations;  // never poolwright.dev/*
  std::map<std::string, std::string> node_selector;
  std::string tolerations_json = "[]";
  std::string affinity_json = "{}";
  std::string priority_class_name;
  std::vector<SecretRef> image_pull_secrets;
  std::int32_t termination_grace_period_seconds = 90;  // 15-3600
  friend bool operator==(const PodTemplate&, const PodTemplate&) = default;
};

struct ServiceOptions {
  ServiceType type = ServiceType::kClusterIp;
  std::map<std::string, std::string> annotations;
  std::vector<std::string> load_balancer_source_ranges;  // CIDRs; required for LoadBalancer
  friend bool operator==(const ServiceOptions&, const ServiceOptions&) = default;
};

struct DisruptionBudget {
  bool enabled = true;
  std::int32_t max_unavailable = 1;  // 1-100
  friend bool operator==(const DisruptionBudget&, const DisruptionBudget&) = default;
};

struct Pgbouncer {
  std::optional<std::string> image;  // absent: the operator's default for the version
  std::string version = "1.26";      // major.minor, 1.18-1.26
  std::int32_t replicas = 2;         // 0-100 (0: scaled to nothing)
  PoolMode pool_mode = PoolMode::kTransaction;
  std::int32_t max_client_connections = 100;  // 1-100000; every pod admits that many
  Timeouts timeouts;
  std::map<std::string, std::string> parameters;   // checked by name, value and version; values are text, or integers
  std::optional<SecretRef> client_tls_secret_ref;  // keys tls.crt, tls.key and optionally ca.crt
  Resources resources;
  PodTemplate pod_template;
  ServiceOptions service;
  DisruptionBudget disruption_budget;
  bool network_policy = false;  // render a NetworkPolicy that lets only TCP 6432 in
  friend bool operator==(const Pgbouncer&, const Pgbouncer&) = default;
};

/// One direction of resizing; the words are those of the HorizontalPodAutoscaler.
struct ScalingBehavior {
  std::int32_t stabilization_window_seconds = 0;  // 0-3600
  std::int32_t step_percent = 100;                // 1-1000, of the present size, each period
  std::int32_t period_seconds = 1;                // 1-1800
  friend bool operator==(const ScalingBehavior&, const ScalingBehavior&) = default;
};

/// Transactions that sit idle, as an observer role shows them.
struct LeakHandling {
  std::int32_t suspect_after_seconds = 30;              // 5-86400
  std::optional<std::int32_t> terminate_after_seconds;  // 10-604800, not below suspect_after_seconds; absent: never
  friend bool operator==(const LeakHandling&, const LeakHandling&) = default;
};

struct Sizing {
  SizingMode mode = SizingMode::kAuto;
  std::int32_t target_utilization_percent = 70;   // 10-95
  std::int32_t max_wait_probability_percent = 3;  // 1-50: square-root staffing
  std::int32_t priority = 1;                      // 1-100, weight where a budget is shared
  ScalingBehavior scale_up{.stabilization_window_seconds = 0, .step_percent = 700, .period_seconds = 1};
  ScalingBehavior scale_down{.stabilization_window_seconds = 120, .step_percent = 25, .period_seconds = 15};
  LeakHandling leaks;
  friend bool operator==(const Sizing&, const Sizing&) = default;
};

struct Monitoring {
  std::int32_t interval_seconds = 60;         // 5-3600
  std::int32_t warning_percent = 80;          // 1-99, below critical
  std::int32_t critical_percent = 90;         // 2-100
  std::optional<SecretRef> redis_secret_ref;  // key url (redis:// or rediss://), optionally password
  friend bool operator==(const Monitoring&, const Monitoring&) = default;
};

struct ConnectionPoolSpec {
  Postgres postgres;
  std::vector<Database> databases;  // 1-64, by name
  Pgbouncer pgbouncer;
  Sizing sizing;
  Monitoring monitoring;
  friend bool operator==(const ConnectionPoolSpec&, const ConnectionPoolSpec&) = default;
};

struct ConnectionPool {
  std::string name;
  std::string namespace_name;
  std::string uid;
  std::string resource_version;
  std::int64_t generation = 0;
  bool deleting = false;  // has a deletionTimestamp
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;
  ConnectionPoolSpec spec;
};

/// Effective initial size: the initial one if given, else the maximum.
inline std::int32_t initial_size(const PoolSize& size) { return size.initial.value_or(size.max); }
/// Name of the database on the server.
inline const std::string& server_database(const Database& database) {
  return database.database_name ? *database.database_name : database.name;
}

}  // namespace poolwright::api

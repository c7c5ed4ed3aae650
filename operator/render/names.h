// Names and labels of everything that belongs to a pool. A resource's name may have dots, a leading digit and 253
// characters; a Service's name must be a DNS-1035 label of 63. Readable where the name allows it, else shortened with a
// hash, and never the same for two pools or two databases: no plain form looks like a hashed one, and each kind of
// Secret has its own ending. Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "api/connection_pool.h"

namespace poolwright::render {

inline constexpr std::size_t kNameLengthMax = 63;

/// Annotations of ours on the objects that we apply.
inline constexpr const char* kAppliedHashAnnotation = "poolwright.dev/applied-hash";  // every object, see hash.h
inline constexpr const char* kConfigHashAnnotation = "poolwright.dev/config-hash";    // ConfigMap; pods get it patched
inline constexpr const char* kSizesAnnotation = "poolwright.dev/sizes";               // ConfigMap: {"orders": 25}
inline constexpr const char* kMayHoldAnnotation = "poolwright.dev/may-hold";          // pods: {"orders": [12, 2]}
inline constexpr const char* kMayReachAnnotation = "poolwright.dev/may-reach";  // pods: orders-db.shop.svc:5432,...
inline constexpr const char* kRestartHashAnnotation = "poolwright.dev/restart-hash";  // pod template
/// Of PgBouncer in its pod.
inline constexpr const char* kContainerName = "pgbouncer";
/// Of the init container that lets PgBouncer start, see object_gate.h.
inline constexpr const char* kGateName = "admission";
inline constexpr const char* kPoolLabel = "poolwright.dev/pool";

/// "orders-pool" for the resource "orders"; a valid DNS-1035 label for every resource name.
/// ConfigMap, Deployment, Service, PodDisruptionBudget, NetworkPolicy and ServiceAccount all have it.
std::string pool_object_name(std::string_view pool_name);
/// "orders-pool-userlist": the Secret with PgBouncer's auth_file.
std::string userlist_secret_name(std::string_view pool_name);
/// "orders-pool-console": the Secret with the logins of the admin console.
std::string console_secret_name(std::string_view pool_name);

/// "orders-app-url" for database "app" of pool "orders", where that can be read in one way only.
std::string derived_url_secret_name(std::string_view pool_name, std::string_view database_name);
/// spec.databases[].application.secretName if given, else the derived name.
std::string url_secret_name(const api::ConnectionPool& pool, const api::Database& database);

/// Value of kPoolLabel: the shortest form of the resource's name that is a valid label value, unique like the names.
std::string pool_label(std::string_view pool_name);
/// Labels of every object.
std::map<std::string, std::string> object_labels(std::string_view pool_name);
/// The part of them that selects the pods; immutable in a Deployment, so it never changes between versions.
std::map<std::string, std::string> selector_labels(std::string_view pool_name);
/// The same as text, for status.selector of the scale subresource: "app.kubernetes.io/name=pgbouncer,...".
std::string selector_text(std::string_view pool_name);

/// "orders-pool.shop.svc": how clients of the cluster reach the pool.
std::string service_host(std::string_view pool_name, std::string_view namespace_name);

}  // namespace poolwright::render

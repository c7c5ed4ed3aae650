#include "api/validate.h"

#include <algorithm>
#include <array>
#include <compare>
#include <set>
#include <string_view>

#include "api/bounds.h"
#include "api/host.h"
#include "api/quantity.h"
#include "api/rules.h"
#include "api/text.h"

namespace poolwright::api {

namespace {

using Errors = std::vector<FieldError>;

void add(Errors& errors, std::string path, std::string message) {
  errors.push_back({.path = std::move(path), .message = std::move(message)});
}

std::string lowered(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return result;
}

std::string got(std::int32_t value) { return ", got " + std::to_string(value); }

/// "; got min 30 and max 10": both, because one of them may be a default that the user never wrote.
std::string got_both(const char* left_name, std::int32_t left, const char* right_name, std::int32_t right) {
  return std::string("; got ") + left_name + " " + std::to_string(left) + " and " + right_name + " " +
         std::to_string(right);
}

bool is_own_service(const ConnectionPool& pool, const ValidationPolicy& policy) {
  const std::string service = policy.own_service_name.empty() ? pool.name + "-pool" : policy.own_service_name;
  const std::string host = lowered(pool.spec.postgres.host);
  if (host == service) return true;
  if (pool.namespace_name.empty()) return false;
  const std::string in_namespace = service + "." + pool.namespace_name;
  return host == in_namespace || host == in_namespace + ".svc" || host.starts_with(in_namespace + ".svc.");
}

void check_host(const ConnectionPool& pool, const ValidationPolicy& policy, Errors& errors) {
  const std::string& host = pool.spec.postgres.host;
  const std::string path = "spec.postgres.host";
  const HostKind kind = kind_of_host(host);
  if (kind == HostKind::kForbidden) add(errors, path, std::string(rule::kHostForbidden) + ", got " + shown(host));
  if (kind == HostKind::kLoopback && !policy.allow_loopback_hosts) {
    add(errors, path, std::string(rule::kHostLoopback) + ", got " + shown(host));
  }
  if (is_api_server_name(host)) add(errors, path, rule::kHostApiServer);
  if (is_own_service(pool, policy)) add(errors, path, std::string(rule::kHostOwnService) + ", got " + shown(host));
}

void check_postgres(const Postgres& postgres, Errors& errors) {
  const PostgresTls& tls = postgres.tls;
  const bool verifies = tls.mode == TlsMode::kVerifyCa || tls.mode == TlsMode::kVerifyFull;
  if (verifies && !tls.ca_secret_ref) add(errors, "spec.postgres.tls.caSecretRef", rule::kCaRequired);
  if (tls.mode == TlsMode::kDisable && tls.client_cert_secret_ref) {
    add(errors, "spec.postgres.tls.clientCertSecretRef", rule::kClientCertUnused);
  }
  const ConnectionBudget& budget = postgres.connection_budget;
  if (budget.max && budget.reserved >= *budget.max) {
    add(errors, "spec.postgres.connectionBudget.reserved",
        rule::kReservedBelowMax + got_both("reserved", budget.reserved, "max", *budget.max));
  }
}

void check_sizes(const Database& database, const std::string& path, Errors& errors) {
  const PoolSize& size = database.pool_size;
  if (size.min > size.max) {
    add(errors, path + ".poolSize.min", rule::kMinAboveMax + got_both("min", size.min, "max", size.max));
  }
  if (size.initial && (*size.initial < size.min || *size.initial > size.max)) {
    add(errors, path + ".poolSize.initial",
        std::string(rule::kInitialOutside) + " (" + std::to_string(size.min) + " to " + std::to_string(size.max) + ")" +
            got(*size.initial));
  }
  if (database.reserve_pool_size > size.max) {
    add(errors, path + ".reservePoolSize",
        rule::kReserveAboveSize + got_both("reservePoolSize", database.reserve_pool_size, "poolSize.max", size.max));
  }
  if (database.max_connections < size.max) {
    add(errors, path + ".maxConnections",
        rule::kConnectionsBelowSize + got_both("maxConnections", database.max_connections, "poolSize.max", size.max));
  }
}

void check_names(const std::vector<Database>& databases, Errors& errors) {
  std::set<std::string> exact;
  std::set<std::string> folded;
  bool differ_by_case = false;
  for (std::size_t i = 0; i < databases.size(); ++i) {
    const std::string& name = databases[i].name;
    const std::string path = item_path("spec.databases", i);
    if (!exact.insert(name).second) {
      add(errors, path, std::string(rule::kDuplicateName) + ", got " + shown(name) + " again");
    } else if (!folded.insert(lowered(name)).second) {
      differ_by_case = true;
    }
    if (lowered(name) == "pgbouncer") add(errors, path + ".name", rule::kDatabaseReserved);
  }
  if (differ_by_case) add(errors, "spec.databases", rule::kNamesDifferByCase);
}

void check_secret_names(const std::vector<Database>& databases, Errors& errors) {
  std::set<std::string> taken;
  for (const Database& database : databases) taken.insert(database.credentials_secret_ref.name);
  bool repeated = false;
  for (const Database& database : databases) {
    const std::optional<std::string>& name = database.application.secret_name;
    repeated = repeated || (name && !taken.insert(*name).second);
  }
  if (repeated) add(errors, "spec.databases", rule::kSecretNameTaken);
}

void check_databases(const std::vector<Database>& databases, Errors& errors) {
  check_names(databases, errors);
  check_secret_names(databases, errors);
  for (std::size_t i = 0; i < databases.size(); ++i) {
    const std::string path = item_path("spec.databases", i);
    check_sizes(databases[i], path, errors);
    const Application& application = databases[i].application;
    if (application.instances && application.instances_from) {
      add(errors, path + ".application", rule::kInstancesTwice);
    }
  }
}

void check_replicas(const ConnectionPoolSpec& spec, Errors& errors) {
  const auto smallest =
      std::min_element(spec.databases.begin(), spec.databases.end(),
                       [](const Database& a, const Database& b) { return a.pool_size.max < b.pool_size.max; });
  if (smallest == spec.databases.end() || smallest->pool_size.max >= spec.pgbouncer.replicas) return;
  add(errors, "spec.pgbouncer.replicas",
      rule::kReplicasAboveSize + got_both("replicas", spec.pgbouncer.replicas,
                                          ("poolSize.max of " + shown(smallest->name)).c_str(),
                                          smallest->pool_size.max));
}

void check_resources(const Resources& resources, Errors& errors) {
  static constexpr std::array<std::string_view, 3> kKnown{"cpu", "memory", "ephemeral-storage"};
  const std::string path = "spec.pgbouncer.resources";
  for (const auto& [name, quantities] : {std::pair{"requests", &resources.requests}, {"limits", &resources.limits}}) {
    for (const auto& [key, value] : *quantities) {
      if (std::find(kKnown.begin(), kKnown.end(), key) != kKnown.end()) continue;
      add(errors, member_path(path, name), std::string(rule::kResourceName) + ", got " + shown(key));
    }
  }
  for (const auto& [key, request] : resources.requests) {
    const auto limit = resources.limits.find(key);
    if (limit == resources.limits.end() || std::is_lteq(compare_quantities(request, limit->second))) continue;
    if (compare_quantities(request, limit->second) == std::partial_ordering::unordered) continue;
    add(errors, path + ".requests",
        std::string(rule::kRequestAboveLimit) + "; got " + key + " " + request + " and limit " + limit->second);
  }
}

bool has_reserved_label(const std::map<std::string, std::string>& labels) {
  return std::any_of(labels.begin(), labels.end(), [](const auto& label) {
    return label.first.starts_with("app.kubernetes.io/") || label.first.starts_with("poolwright.dev/");
  });
}

bool has_reserved_annotation(const std::map<std::string, std::string>& annotations) {
  static constexpr std::array<std::string_view, 4> kPrefixes{
      "poolwright.dev/", "container.apparmor.security.beta.kubernetes.io/", "seccomp.security.alpha.kubernetes.io/",
      "container.seccomp.security.alpha.kubernetes.io/"};
  return std::any_of(annotations.begin(), annotations.end(), [](const auto& annotation) {
    return std::any_of(kPrefixes.begin(), kPrefixes.end(),
                       [&](std::string_view prefix) { return annotation.first.starts_with(prefix); });
  });
}

void check_pod_template(const PodTemplate& pod, Errors& errors) {
  const std::string path = "spec.pgbouncer.podTemplate";
  if (has_reserved_label(pod.labels)) add(errors, path + ".labels", rule::kReservedLabel);
  if (has_reserved_annotation(pod.annotations)) add(errors, path + ".annotations", rule::kReservedAnnotation);
  if (pod.priority_class_name.starts_with("system-")) {
    add(errors, path + ".priorityClassName", rule::kSystemPriority + (", got " + shown(pod.priority_class_name)));
  }
  std::set<std::string> secrets;
  for (std::size_t i = 0; i < pod.image_pull_secrets.size(); ++i) {
    const std::string& name = pod.image_pull_secrets[i].name;
    if (secrets.insert(name).second) continue;
    add(errors, item_path(path + ".imagePullSecrets", i),
        std::string(rule::kDuplicateName) + ", got " + shown(name) + " again");
  }
}

void check_service(const ServiceOptions& service, Errors& errors) {
  const std::string path = "spec.pgbouncer.service";
  if (has_reserved_annotation(service.annotations)) add(errors, path + ".annotations", rule::kReservedAnnotation);
  const bool balanced = service.type == ServiceType::kLoadBalancer;
  const bool ranges = !service.load_balancer_source_ranges.empty();
  if (balanced && !ranges) add(errors, path + ".loadBalancerSourceRanges", rule::kRangesRequired);
  if (!balanced && ranges) add(errors, path + ".loadBalancerSourceRanges", rule::kRangesUnused);
}

void check_pgbouncer(const Pgbouncer& pgbouncer, Errors& errors) {
  const bool knows_limit = pgbouncer.version == "1.25" || pgbouncer.version == "1.26";
  if (pgbouncer.timeouts.transaction_seconds != 0 && !knows_limit) {
    add(errors, "spec.pgbouncer.timeouts.transactionSeconds",
        std::string(rule::kTransactionTimeout) + "; got " + std::to_string(pgbouncer.timeouts.transaction_seconds) +
            " with version " + pgbouncer.version);
  }
  check_resources(pgbouncer.resources, errors);
  check_pod_template(pgbouncer.pod_template, errors);
  check_service(pgbouncer.service, errors);
}

void check_leaks(const LeakHandling& leaks, Errors& errors) {
  if (!leaks.terminate_after_seconds || *leaks.terminate_after_seconds >= leaks.suspect_after_seconds) return;
  add(errors, "spec.sizing.leaks.terminateAfterSeconds",
      rule::kTerminateBeforeSuspect + got_both("terminateAfterSeconds", *leaks.terminate_after_seconds,
                                               "suspectAfterSeconds", leaks.suspect_after_seconds));
}

void check_monitoring(const Monitoring& monitoring, Errors& errors) {
  if (monitoring.warning_percent < monitoring.critical_percent) return;
  add(errors, "spec.monitoring.warningPercent",
      rule::kWarningAboveCritical +
          got_both("warningPercent", monitoring.warning_percent, "criticalPercent", monitoring.critical_percent));
}

}  // namespace

std::vector<FieldError> validate(const ConnectionPool& pool, const ValidationPolicy& policy) {
  Errors errors;
  check_bounds(pool.spec, errors);
  check_host(pool, policy, errors);
  check_postgres(pool.spec.postgres, errors);
  check_databases(pool.spec.databases, errors);
  check_replicas(pool.spec, errors);
  check_pgbouncer(pool.spec.pgbouncer, errors);
  check_leaks(pool.spec.sizing.leaks, errors);
  check_monitoring(pool.spec.monitoring, errors);
  return errors;
}

}  // namespace poolwright::api

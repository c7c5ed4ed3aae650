// Every field of a ConnectionPool's spec, described once: JSON name, member, bounds. Whoever needs all fields (reading,
// writing, checking bounds, comparing with the CRD) is a visitor V that has
//
//   integer(name, std::int32_t& or optional, Range)         flag(name, bool&)
//   choice(name, Enum&)                                     text(name, std::string& or optional, Text)
//   object(name, Struct& or optional, Presence)             list(name, std::vector<Struct>&, ListBounds)
//   texts(name, std::vector<std::string>&, ListBounds, Text)
//   map(name, std::map<std::string, std::string>&, MapKind) free_form(name, std::string&, FreeForm)
//
// and, for a nested struct, calls visit_fields(visitor, struct) again. Thread rule: pure functions.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "api/connection_pool.h"
#include "api/text.h"

namespace poolwright::api {

struct Range {
  std::int32_t min;
  std::int32_t max;
};

enum class Presence { kOptional, kRequired };

struct Text {
  Form form;
  std::size_t max_length;  // characters
  Presence presence = Presence::kOptional;
  std::size_t min_length = 1;
};

struct ListBounds {
  std::size_t min = 0;
  std::size_t max = 0;
};

enum class MapKind { kLabels, kAnnotations, kParameters, kQuantities };

struct MapBounds {
  std::size_t entries_max;
  Form key;
  Form value;
  std::size_t value_length_max;
  bool integers_allowed;  // a number in JSON stands for its text
};

constexpr MapBounds bounds_of(MapKind kind) {
  switch (kind) {
    case MapKind::kLabels:
      return {32, Form::kLabelKey, Form::kLabelValue, 63, false};
    case MapKind::kAnnotations:
      return {32, Form::kLabelKey, Form::kAnyLines, 4096, false};
    case MapKind::kParameters:
      return {64, Form::kParameterName, Form::kAnyText, 1024, true};
    case MapKind::kQuantities:
      return {3, Form::kLabelKey, Form::kQuantity, 32, true};
  }
  return {0, Form::kLabelKey, Form::kAnyText, 0, false};
}

/// Members that hold the JSON of a core/v1 type.
enum class FreeForm { kTolerations, kAffinity };

inline constexpr std::size_t kFreeFormBytesMax = 16 * 1024;  // as compact JSON
inline constexpr std::size_t kFreeFormDepthMax = 16;
inline constexpr std::size_t kTolerationsMax = 16;

inline constexpr Text kObjectNameText{.form = Form::kObjectName, .max_length = 253};
inline constexpr Text kRequiredObjectName{
    .form = Form::kObjectName, .max_length = 253, .presence = Presence::kRequired};

template <typename T, typename U>
concept Is = std::same_as<std::remove_const_t<T>, U>;

template <typename V>
void visit_fields(V& visitor, Is<SecretRef> auto& ref) {
  visitor.text("name", ref.name, kRequiredObjectName);
}

template <typename V>
void visit_fields(V& visitor, Is<PostgresTls> auto& tls) {
  visitor.choice("mode", tls.mode);
  visitor.object("caSecretRef", tls.ca_secret_ref, Presence::kOptional);
  visitor.object("clientCertSecretRef", tls.client_cert_secret_ref, Presence::kOptional);
}

template <typename V>
void visit_fields(V& visitor, Is<ConnectionBudget> auto& budget) {
  visitor.integer("max", budget.max, Range{1, 100'000});
  visitor.integer("reserved", budget.reserved, Range{0, 10'000});
}

template <typename V>
void visit_fields(V& visitor, Is<Postgres> auto& postgres) {
  visitor.text("host", postgres.host, Text{.form = Form::kHost, .max_length = 253, .presence = Presence::kRequired});
  visitor.integer("port", postgres.port, Range{1, 65'535});
  visitor.object("tls", postgres.tls, Presence::kOptional);
  visitor.object("observerSecretRef", postgres.observer_secret_ref, Presence::kOptional);
  visitor.object("connectionBudget", postgres.connection_budget, Presence::kOptional);
}

template <typename V>
void visit_fields(V& visitor, Is<PoolSize> auto& size) {
  visitor.integer("min", size.min, Range{0, 10'000});
  visitor.integer("max", size.max, Range{1, 10'000});
  visitor.integer("initial", size.initial, Range{1, 10'000});
}

template <typename V>
void visit_fields(V& visitor, Is<WorkloadRef> auto& workload) {
  visitor.choice("kind", workload.kind);
  visitor.text("name", workload.name, kRequiredObjectName);
}

template <typename V>
void visit_fields(V& visitor, Is<Application> auto& application) {
  visitor.integer("instances", application.instances, Range{1, 10'000});
  visitor.object("instancesFrom", application.instances_from, Presence::kOptional);
  visitor.integer("connectionLimit", application.connection_limit, Range{1, 1000});
  visitor.integer("poolTimeoutSeconds", application.pool_timeout_seconds, Range{1, 3600});
  visitor.integer("connectTimeoutSeconds", application.connect_timeout_seconds, Range{1, 3600});
  visitor.integer("directConnectionLimit", application.direct_connection_limit, Range{1, 1000});
  visitor.text("secretName", application.secret_name, kObjectNameText);
  visitor.choice("pgbouncerFlag", application.pgbouncer_flag);
}

template <typename V>
void visit_fields(V& visitor, Is<Database> auto& database) {
  visitor.text("name", database.name,
               Text{.form = Form::kDatabaseName, .max_length = 63, .presence = Presence::kRequired});
  visitor.text("databaseName", database.database_name, Text{.form = Form::kDatabaseName, .max_length = 63});
  visitor.object("credentialsSecretRef", database.credentials_secret_ref, Presence::kRequired);
  visitor.object("poolSize", database.pool_size, Presence::kOptional);
  visitor.integer("reservePoolSize", database.reserve_pool_size, Range{0, 1000});
  visitor.integer("maxConnections", database.max_connections, Range{1, 10'000});
  visitor.object("application", database.application, Presence::kOptional);
}

template <typename V>
void visit_fields(V& visitor, Is<Timeouts> auto& timeouts) {
  visitor.integer("queryWaitSeconds", timeouts.query_wait_seconds, Range{1, 86'400});
  visitor.integer("serverIdleSeconds", timeouts.server_idle_seconds, Range{0, 86'400});
  visitor.integer("serverConnectSeconds", timeouts.server_connect_seconds, Range{1, 3600});
  visitor.integer("serverLifetimeSeconds", timeouts.server_lifetime_seconds, Range{0, 604'800});
  visitor.integer("clientIdleSeconds", timeouts.client_idle_seconds, Range{0, 604'800});
  visitor.integer("idleTransactionSeconds", timeouts.idle_transaction_seconds, Range{0, 86'400});
  visitor.integer("transactionSeconds", timeouts.transaction_seconds, Range{0, 86'400});
}

template <typename V>
void visit_fields(V& visitor, Is<Resources> auto& resources) {
  visitor.map("requests", resources.requests, MapKind::kQuantities);
  visitor.map("limits", resources.limits, MapKind::kQuantities);
}

template <typename V>
void visit_fields(V& visitor, Is<PodTemplate> auto& pod) {
  visitor.map("labels", pod.labels, MapKind::kLabels);
  visitor.map("annotations", pod.annotations, MapKind::kAnnotations);
  visitor.map("nodeSelector", pod.node_selector, MapKind::kLabels);
  visitor.free_form("tolerations", pod.tolerations_json, FreeForm::kTolerations);
  visitor.free_form("affinity", pod.affinity_json, FreeForm::kAffinity);
  visitor.text("priorityClassName", pod.priority_class_name,
               Text{.form = Form::kObjectName, .max_length = 253, .min_length = 0});
  visitor.list("imagePullSecrets", pod.image_pull_secrets, ListBounds{.min = 0, .max = 16});
  visitor.integer("terminationGracePeriodSeconds", pod.termination_grace_period_seconds, Range{15, 3600});
}

template <typename V>
void visit_fields(V& visitor, Is<ServiceOptions> auto& service) {
  visitor.choice("type", service.type);
  visitor.map("annotations", service.annotations, MapKind::kAnnotations);
  visitor.texts("loadBalancerSourceRanges", service.load_balancer_source_ranges, ListBounds{.min = 0, .max = 64},
                Text{.form = Form::kCidr, .max_length = 49});
}

template <typename V>
void visit_fields(V& visitor, Is<DisruptionBudget> auto& budget) {
  visitor.flag("enabled", budget.enabled);
  visitor.integer("maxUnavailable", budget.max_unavailable, Range{1, 100});
}

template <typename V>
void visit_fields(V& visitor, Is<Pgbouncer> auto& pgbouncer) {
  visitor.text("image", pgbouncer.image, Text{.form = Form::kImage, .max_length = 512});
  visitor.text("version", pgbouncer.version, Text{.form = Form::kPgbouncerVersion, .max_length = 8});
  visitor.integer("replicas", pgbouncer.replicas, Range{0, 100});
  visitor.choice("poolMode", pgbouncer.pool_mode);
  visitor.integer("maxClientConnections", pgbouncer.max_client_connections, Range{1, 100'000});
  visitor.object("timeouts", pgbouncer.timeouts, Presence::kOptional);
  visitor.map("parameters", pgbouncer.parameters, MapKind::kParameters);
  visitor.object("clientTlsSecretRef", pgbouncer.client_tls_secret_ref, Presence::kOptional);
  visitor.object("resources", pgbouncer.resources, Presence::kOptional);
  visitor.object("podTemplate", pgbouncer.pod_template, Presence::kOptional);
  visitor.object("service", pgbouncer.service, Presence::kOptional);
  visitor.object("disruptionBudget", pgbouncer.disruption_budget, Presence::kOptional);
  visitor.flag("networkPolicy", pgbouncer.network_policy);
}

template <typename V>
void visit_fields(V& visitor, Is<ScalingBehavior> auto& behavior) {
  visitor.integer("stabilizationWindowSeconds", behavior.stabilization_window_seconds, Range{0, 3600});
  visitor.integer("stepPercent", behavior.step_percent, Range{1, 1000});
  visitor.integer("periodSeconds", behavior.period_seconds, Range{1, 1800});
}

template <typename V>
void visit_fields(V& visitor, Is<LeakHandling> auto& leaks) {
  visitor.integer("suspectAfterSeconds", leaks.suspect_after_seconds, Range{5, 86'400});
  visitor.integer("terminateAfterSeconds", leaks.terminate_after_seconds, Range{10, 604'800});
}

template <typename V>
void visit_fields(V& visitor, Is<Sizing> auto& sizing) {
  visitor.choice("mode", sizing.mode);
  visitor.integer("targetUtilizationPercent", sizing.target_utilization_percent, Range{10, 95});
  visitor.integer("maxWaitProbabilityPercent", sizing.max_wait_probability_percent, Range{1, 50});
  visitor.integer("priority", sizing.priority, Range{1, 100});
  visitor.object("scaleUp", sizing.scale_up, Presence::kOptional);
  visitor.object("scaleDown", sizing.scale_down, Presence::kOptional);
  visitor.object("leaks", sizing.leaks, Presence::kOptional);
}

template <typename V>
void visit_fields(V& visitor, Is<Monitoring> auto& monitoring) {
  visitor.integer("intervalSeconds", monitoring.interval_seconds, Range{5, 3600});
  visitor.integer("warningPercent", monitoring.warning_percent, Range{1, 99});
  visitor.integer("criticalPercent", monitoring.critical_percent, Range{2, 100});
  visitor.object("redisSecretRef", monitoring.redis_secret_ref, Presence::kOptional);
}

template <typename V>
void visit_fields(V& visitor, Is<ConnectionPoolSpec> auto& spec) {
  visitor.object("postgres", spec.postgres, Presence::kRequired);
  visitor.list("databases", spec.databases, ListBounds{.min = 1, .max = 64});
  visitor.object("pgbouncer", spec.pgbouncer, Presence::kOptional);
  visitor.object("sizing", spec.sizing, Presence::kOptional);
  visitor.object("monitoring", spec.monitoring, Presence::kOptional);
}

}  // namespace poolwright::api

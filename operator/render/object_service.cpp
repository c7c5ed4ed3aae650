#include "render/object_service.h"

#include "api/enum_words.h"
#include "render/names.h"
#include "render/object_frame.h"
#include "render/render.h"

namespace poolwright::render {

api::Json service(const api::ConnectionPool& pool) {
  const api::ServiceOptions& options = pool.spec.pgbouncer.service;
  api::Json object = framed_object(pool, {.api_version = "v1", .kind = "Service", .name = pool_object_name(pool.name)});
  if (!options.annotations.empty()) object["metadata"]["annotations"] = options.annotations;
  object["spec"] = {
      {"type", api::word_of(options.type)},
      {"selector", selector_labels(pool.name)},
      {"ports", api::Json::array(
                    {{{"name", kPortName}, {"port", kPoolerPort}, {"protocol", "TCP"}, {"targetPort", kPortName}}})},
  };
  if (options.type == api::ServiceType::kLoadBalancer && !options.load_balancer_source_ranges.empty()) {
    object["spec"]["loadBalancerSourceRanges"] = options.load_balancer_source_ranges;
  }
  return object;
}

api::Json disruption_budget(const api::ConnectionPool& pool) {
  api::Json object = framed_object(
      pool, {.api_version = "policy/v1", .kind = "PodDisruptionBudget", .name = pool_object_name(pool.name)});
  object["spec"] = {{"maxUnavailable", pool.spec.pgbouncer.disruption_budget.max_unavailable},
                    {"selector", {{"matchLabels", selector_labels(pool.name)}}}};
  return object;
}

api::Json network_policy(const api::ConnectionPool& pool) {
  api::Json object = framed_object(
      pool, {.api_version = "networking.k8s.io/v1", .kind = "NetworkPolicy", .name = pool_object_name(pool.name)});
  const api::Json port = {{"port", kPoolerPort}, {"protocol", "TCP"}};
  object["spec"] = {{"podSelector", {{"matchLabels", selector_labels(pool.name)}}},
                    {"policyTypes", api::Json::array({"Ingress"})},
                    {"ingress", api::Json::array({{{"ports", api::Json::array({port})}}})}};
  return object;
}

}  // namespace poolwright::render

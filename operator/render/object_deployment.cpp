#include "render/object_deployment.h"

#include <utility>

#include "api/quantity.h"
#include "base/digest.h"
#include "render/hash.h"
#include "render/names.h"
#include "render/object_config.h"
#include "render/object_drain.h"
#include "render/object_frame.h"
#include "render/object_gate.h"
#include "render/object_service.h"
#include "render/options.h"
#include "render/pgbouncer_ini.h"
#include "render/render.h"

namespace poolwright::render {

namespace {

using api::Json;

constexpr const char* kFilesVolume = "files";
constexpr const char* kSocketVolume = "tmp";

/// Group-readable only: the volume's group is the container's.
constexpr int kFileMode = 0440;

Json key_to_path(const char* key, const std::string& path) { return {{"key", key}, {"path", path}}; }

Json secret_source(const std::string& name, Json items) {
  return {{"secret", {{"name", name}, {"items", std::move(items)}}}};
}

Json tls_items(const std::string& directory, bool has_authority) {
  Json items =
      Json::array({key_to_path("tls.crt", directory + "/tls.crt"), key_to_path("tls.key", directory + "/tls.key")});
  if (has_authority) items.push_back(key_to_path("ca.crt", directory + "/ca.crt"));
  return items;
}

/// All files in one volume: the kubelet swaps them in one step, so PgBouncer never sees a new ini with an old userlist
/// of the same moment. (And no subPath, which would never be updated.)
Json file_sources(const api::ConnectionPool& pool) {
  const std::string server_tls = kServerTlsDirectory;
  const api::PostgresTls& tls = pool.spec.postgres.tls;
  const auto& client_tls = pool.spec.pgbouncer.client_tls_secret_ref;
  Json sources = Json::array();
  sources.push_back({{"configMap",
                      {{"name", pool_object_name(pool.name)},
                       {"items", Json::array({key_to_path(kIniKey, kIniPath), key_to_path(kHbaKey, kHbaPath)})}}}});
  sources.push_back(
      secret_source(userlist_secret_name(pool.name), Json::array({key_to_path(kUserlistKey, kUserlistPath)})));
  if (tls.ca_secret_ref) {
    sources.push_back(
        secret_source(tls.ca_secret_ref->name, Json::array({key_to_path("ca.crt", server_tls + "/ca.crt")})));
  }
  if (tls.client_cert_secret_ref) {
    sources.push_back(secret_source(tls.client_cert_secret_ref->name, tls_items(server_tls, false)));
  }
  if (client_tls) {
    const bool has_authority = verifies_client_certificates(pool.spec.pgbouncer);
    sources.push_back(secret_source(client_tls->name, tls_items(kClientTlsDirectory, has_authority)));
  }
  return sources;
}

Json volumes(const api::ConnectionPool& pool) {
  return Json::array(
      {{{"name", kFilesVolume}, {"projected", {{"defaultMode", kFileMode}, {"sources", file_sources(pool)}}}},
       {{"name", kSocketVolume}, {"emptyDir", {{"sizeLimit", "16Mi"}}}},
       gate_volume()});
}

Result<Json> quantities(const api::Quantities& given, const std::string& path) {
  Json canonical = Json::object();
  for (const auto& [name, text] : given) {
    auto quantity = api::canonical_quantity(text);
    if (!quantity) {
      std::string message = path;
      message.append(".").append(name).append(": must be a quantity such as 100m or 128Mi");
      return make_error(ErrorKind::kInvalid, std::move(message));
    }
    canonical[name] = *std::move(quantity);
  }
  return canonical;
}

Result<Json> resources(const api::Resources& given) {
  Json object = Json::object();
  PW_ASSIGN_OR_RETURN(Json requests, quantities(given.requests, "spec.pgbouncer.resources.requests"));
  PW_ASSIGN_OR_RETURN(Json limits, quantities(given.limits, "spec.pgbouncer.resources.limits"));
  if (!requests.empty()) object["requests"] = std::move(requests);
  if (!limits.empty()) object["limits"] = std::move(limits);
  return object;
}

Json restricted_context() {
  return {{"allowPrivilegeEscalation", false},
          {"readOnlyRootFilesystem", true},
          {"capabilities", {{"drop", Json::array({"ALL"})}}}};
}

Json files_mount() { return {{"name", kFilesVolume}, {"mountPath", kWorkingDirectory}, {"readOnly", true}}; }

/// Asks for as much as PgBouncer does, so that a quota or a LimitRange sees nothing new.
Json gate_container(const DeploymentInputs& inputs, const Json& pgbouncer) {
  const std::int32_t grace = inputs.pool.spec.pgbouncer.pod_template.termination_grace_period_seconds;
  Json object = {{"name", kGateName},
                 {"image", inputs.image},
                 {"command", Json::array({"/bin/sh", "-c", gate_script(grace)})},
                 {"workingDir", kWorkingDirectory},
                 {"securityContext", restricted_context()},
                 {"volumeMounts", Json::array({files_mount(), gate_mount()})}};
  if (pgbouncer.contains("resources")) object["resources"] = pgbouncer.at("resources");
  return object;
}

Result<Json> container(const DeploymentInputs& inputs) {
  const api::Pgbouncer& pgbouncer = inputs.pool.spec.pgbouncer;
  PW_ASSIGN_OR_RETURN(Json resource_limits, resources(pgbouncer.resources));
  const std::string script = drain_script(inputs.version, pgbouncer.pod_template.termination_grace_period_seconds);
  Json object = {
      {"name", kContainerName},
      {"image", inputs.image},
      // Found by PATH: /usr/sbin in Debian's package, /usr/bin elsewhere.
      {"command", Json::array({"pgbouncer", kIniPath})},
      {"workingDir", kWorkingDirectory},
      {"ports", Json::array({{{"name", kPortName}, {"containerPort", kPoolerPort}, {"protocol", "TCP"}}})},
      // A TCP connect fails at once when PgBouncer starts to shut down. There is no liveness probe: a process that
      // hangs still accepts TCP, so the probe would only ever kill one that is merely busy.
      {"readinessProbe",
       {{"tcpSocket", {{"port", kPortName}}}, {"periodSeconds", 2}, {"timeoutSeconds", 1}, {"failureThreshold", 2}}},
      {"lifecycle", {{"preStop", {{"exec", {{"command", Json::array({"/bin/sh", "-c", script})}}}}}}},
      {"securityContext", restricted_context()},
      {"volumeMounts", Json::array({files_mount(), {{"name", kSocketVolume}, {"mountPath", kSocketDirectory}}})},
  };
  if (!resource_limits.empty()) object["resources"] = std::move(resource_limits);
  return object;
}

Result<Json> free_json(const std::string& text, bool is_list, const std::string& path) {
  Json parsed = Json::parse(text, nullptr, false);
  const bool has_kind = is_list ? parsed.is_array() : parsed.is_object();
  if (parsed.is_discarded() || !has_kind) {
    return make_error(ErrorKind::kInvalid, path + ": must be " + (is_list ? "a list" : "an object"));
  }
  return parsed;
}

Status add_placement(Json& spec, const api::PodTemplate& given) {
  const std::string path = "spec.pgbouncer.podTemplate.";
  PW_ASSIGN_OR_RETURN(Json tolerations, free_json(given.tolerations_json, true, path + "tolerations"));
  PW_ASSIGN_OR_RETURN(Json affinity, free_json(given.affinity_json, false, path + "affinity"));
  if (!tolerations.empty()) spec["tolerations"] = std::move(tolerations);
  if (!affinity.empty()) spec["affinity"] = std::move(affinity);
  if (!given.node_selector.empty()) spec["nodeSelector"] = given.node_selector;
  if (!given.priority_class_name.empty()) spec["priorityClassName"] = given.priority_class_name;
  for (const api::SecretRef& secret : given.image_pull_secrets)
    spec["imagePullSecrets"].push_back({{"name", secret.name}});
  return ok();
}

Result<Json> pod_spec(const DeploymentInputs& inputs) {
  const api::ConnectionPool& pool = inputs.pool;
  const api::PodTemplate& given = pool.spec.pgbouncer.pod_template;
  PW_ASSIGN_OR_RETURN(Json pgbouncer, container(inputs));
  Json spec = {
      {"serviceAccountName", pool_object_name(pool.name)},
      {"automountServiceAccountToken", false},
      {"enableServiceLinks", false},
      {"terminationGracePeriodSeconds", given.termination_grace_period_seconds},
      {"securityContext",
       {{"runAsNonRoot", true},
        {"runAsUser", kContainerUser},
        {"runAsGroup", kContainerUser},
        {"fsGroup", kContainerUser},
        {"seccompProfile", {{"type", "RuntimeDefault"}}}}},
      {"topologySpreadConstraints", Json::array({{{"maxSkew", 1},
                                                  {"topologyKey", "kubernetes.io/hostname"},
                                                  {"whenUnsatisfiable", "ScheduleAnyway"},
                                                  {"labelSelector", {{"matchLabels", selector_labels(pool.name)}}}}})},
      {"initContainers", Json::array({gate_container(inputs, pgbouncer)})},
      {"containers", Json::array({pgbouncer})},
      {"volumes", volumes(pool)},
  };
  PW_RETURN_IF_ERROR(add_placement(spec, given));
  return spec;
}

/// Ours win over the user's of the same name: the selector must match.
Json merged(std::map<std::string, std::string> given, const std::map<std::string, std::string>& ours) {
  for (const auto& [name, value] : ours) given[name] = value;
  return given;
}

}  // namespace

std::string restart_hash(const Ini& ini) {
  Json settings = Json::object();
  for (const Setting& setting : ini.pgbouncer) {
    const Option* option = find_option(Section::kPgbouncer, setting.key);
    if (option == nullptr || !option->online) settings[setting.key] = setting.value;
  }
  return sha256_hex(canonical_json(settings));
}

Result<Json> deployment(const DeploymentInputs& inputs) {
  const api::ConnectionPool& pool = inputs.pool;
  const api::PodTemplate& given = pool.spec.pgbouncer.pod_template;
  PW_ASSIGN_OR_RETURN(Json spec, pod_spec(inputs));
  const Json metadata = {{"labels", merged(given.labels, object_labels(pool.name))},
                         {"annotations", merged(given.annotations, {{kRestartHashAnnotation, inputs.restart_hash}})}};
  Json object =
      framed_object(pool, {.api_version = "apps/v1", .kind = "Deployment", .name = pool_object_name(pool.name)});
  object["spec"] = {
      {"replicas", pool.spec.pgbouncer.replicas},
      {"revisionHistoryLimit", 3},
      {"selector", {{"matchLabels", selector_labels(pool.name)}}},
      // A new pod is ready before an old one stops, so capacity never drops.
      {"strategy", {{"type", "RollingUpdate"}, {"rollingUpdate", {{"maxSurge", 1}, {"maxUnavailable", 0}}}}},
      {"template", {{"metadata", metadata}, {"spec", std::move(spec)}}},
  };
  return object;
}

}  // namespace poolwright::render

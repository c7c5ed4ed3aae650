#include "reconcile/gather.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/retry.h"
#include "base/rfc3339.h"
#include "reconcile/admission.h"
#include "reconcile/operations.h"
#include "render/names.h"
#include "render/object_gate.h"
#include "render/render.h"

namespace poolwright::reconcile {

namespace {

using api::Json;
using api::ObjectKey;

ObjectKey secret_key(const api::ConnectionPool& pool, const std::string& name) {
  return {.api_version = "v1", .kind = "Secret", .namespace_name = pool.namespace_name, .name = name};
}

ObjectKey child_key(const api::ConnectionPool& pool, const char* api_version, const char* kind) {
  return {.api_version = api_version,
          .kind = kind,
          .namespace_name = pool.namespace_name,
          .name = render::pool_object_name(pool.name)};
}

/// Whether the failure concerns this one object (and so is a fact) or the way to the store.
bool is_about_the_object(ErrorKind kind) {
  return kind == ErrorKind::kNotFound || kind == ErrorKind::kForbidden || kind == ErrorKind::kInvalid;
}

std::int64_t number_at(const Json& object, const Json::json_pointer& path, std::int64_t otherwise) {
  if (!object.contains(path)) return otherwise;
  const Json& value = object.at(path);
  return value.is_number_integer() ? value.get<std::int64_t>() : otherwise;
}

std::string text_at(const Json& object, const Json::json_pointer& path) {
  if (!object.contains(path)) return {};
  const Json& value = object.at(path);
  return value.is_string() ? value.get<std::string>() : std::string();
}

Status gather_secrets(const GatherParts& parts, const CallLimits& limits, Facts& facts) {
  for (const render::RequiredSecret& required : render::required_secrets(facts.pool)) {
    auto secret = parts.secrets.read(secret_key(facts.pool, required.name), limits, parts.fresh_secrets);
    if (!secret && !is_about_the_object(secret.error().kind)) return std::move(secret).error();
    facts.secrets.emplace(required.name, std::move(secret));
  }
  return ok();
}

/// The stored logins of the console; fresh ones where there are none yet or where ours are damaged.
Status gather_console(const GatherParts& parts, const CallLimits& limits, Facts& facts) {
  const auto secret = parts.secrets.read(secret_key(facts.pool, render::console_secret_name(facts.pool.name)), limits);
  if (!secret && secret.error().kind != ErrorKind::kNotFound) return secret.error();
  if (secret && api::controller_uid(*secret) == facts.pool.uid) {
    if (auto stored = render::read_console_credentials(*secret)) {
      facts.console = *std::move(stored);
      return ok();
    }
  }
  facts.console = render::generate_console_credentials(parts.random);
  return ok();
}

Result<std::int32_t> read_instances(const GatherParts& parts, const api::ConnectionPool& pool,
                                    const api::WorkloadRef& workload, const CallLimits& limits) {
  const char* kind = workload.kind == api::WorkloadKind::kDeployment ? "Deployment" : "StatefulSet";
  const ObjectKey key{
      .api_version = "apps/v1", .kind = kind, .namespace_name = pool.namespace_name, .name = workload.name};
  api::Object object = parts.store.cached(key);
  if (!object) {
    PW_ASSIGN_OR_RETURN(auto live, parts.store.get(key, limits));
    object = std::make_shared<const Json>(std::move(live));
  }
  return static_cast<std::int32_t>(
      std::clamp<std::int64_t>(number_at(*object, Json::json_pointer("/spec/replicas"), 1), 0, 1'000'000));
}

Status gather_instances(const GatherParts& parts, const CallLimits& limits, Facts& facts) {
  for (const api::Database& database : facts.pool.spec.databases) {
    if (!database.application.instances_from) continue;
    auto instances = read_instances(parts, facts.pool, *database.application.instances_from, limits);
    if (!instances && !is_about_the_object(instances.error().kind)) return std::move(instances).error();
    facts.instances.emplace(database.name, std::move(instances));
  }
  return ok();
}

DeploymentFacts read_deployment(const Json& deployment) {
  using Pointer = Json::json_pointer;
  DeploymentFacts facts;
  facts.exists = true;
  facts.replicas = static_cast<std::int32_t>(number_at(deployment, Pointer("/spec/replicas"), 1));
  const Pointer pod_template("/spec/template");
  if (deployment.contains(pod_template)) {
    facts.restart_hash = api::annotation(deployment.at(pod_template), render::kRestartHashAnnotation);
  }
  return facts;
}

/// The port that the pod's PgBouncer declares.
std::uint16_t pooler_port(const Json& pod) {
  const Json::json_pointer path("/spec/containers");
  if (!pod.contains(path) || !pod.at(path).is_array()) return render::kPoolerPort;
  for (const Json& container : pod.at(path)) {
    if (!container.is_object() || container.value("name", Json()) != render::kContainerName) continue;
    const std::int64_t port = number_at(container, Json::json_pointer("/ports/0/containerPort"), render::kPoolerPort);
    if (port >= 1 && port <= 65535) return static_cast<std::uint16_t>(port);
  }
  return render::kPoolerPort;
}

bool is_ready(const Json& pod) {
  const Json::json_pointer path("/status/conditions");
  if (!pod.contains(path) || !pod.at(path).is_array()) return false;
  const Json& conditions = pod.at(path);
  return std::any_of(conditions.begin(), conditions.end(), [](const Json& condition) {
    return condition.value("type", "") == "Ready" && condition.value("status", "") == "True";
  });
}

const Json* named_entry(const Json& object, const Json::json_pointer& path, const char* name) {
  if (!object.contains(path) || !object.at(path).is_array()) return nullptr;
  for (const Json& entry : object.at(path)) {
    if (entry.is_object() && entry.value("name", Json()) == name) return &entry;
  }
  return nullptr;
}

/// Where the pod stands with its gate.
void read_gate(const Json& pod, PodFacts& facts) {
  using Pointer = Json::json_pointer;
  facts.has_gate = named_entry(pod, Pointer("/spec/initContainers"), render::kGateName) != nullptr;
  facts.may_hold = render::read_holds(api::annotation(pod, render::kMayHoldAnnotation));
  facts.may_reach = read_reach(api::annotation(pod, render::kMayReachAnnotation));
  const bool is_let_in = !facts.nudged_hash.empty() && facts.nudged_hash != render::kGateClosed;
  const Json* gate = named_entry(pod, Pointer("/status/initContainerStatuses"), render::kGateName);
  const bool is_open = text_at(pod, Pointer("/status/phase")) == "Running" ||
                       (gate != nullptr && gate->contains(Pointer("/state/terminated")));
  facts.at_gate = facts.has_gate && !is_let_in && !is_open;
}

PodFacts read_pod(const Json& pod) {
  PodFacts facts{.name = api::metadata_string(pod, "name"),
                 .uid = api::metadata_string(pod, "uid"),
                 .address = text_at(pod, Json::json_pointer("/status/podIP")),
                 .port = pooler_port(pod),
                 .ready = is_ready(pod),
                 .terminating = !api::metadata_string(pod, "deletionTimestamp").empty(),
                 .nudged_hash = api::annotation(pod, render::kConfigHashAnnotation),
                 .restart_hash = api::annotation(pod, render::kRestartHashAnnotation),
                 .created_at = parse_rfc3339(api::metadata_string(pod, "creationTimestamp")),
                 .reconnected_at = parse_rfc3339(api::annotation(pod, kReconnectedAnnotation))};
  read_gate(pod, facts);
  return facts;
}

std::string pool_label_of(const Json& pod) {
  return text_at(pod, Json::json_pointer("/metadata/labels") / render::kPoolLabel);
}

void gather_stored_size(const api::ObjectStore& store, Facts& facts) {
  if (const api::Object config = store.cached(child_key(facts.pool, "v1", "ConfigMap"))) {
    facts.sizes = render::recorded_sizes(*config);
  }
  if (const api::Object deployment = store.cached(child_key(facts.pool, "apps/v1", "Deployment"))) {
    facts.deployment = read_deployment(*deployment);
  }
}

/// The stored object: Secrets through the reader (which asks only where the metadata changed), others from the cache.
/// What the cache does not have is asked for: the name may belong to somebody whose objects we do not watch.
Result<api::Object> read_stored(const GatherParts& parts, const ObjectKey& key, const CallLimits& limits) {
  if (key.kind != "Secret") {
    if (api::Object object = parts.store.cached(key)) return object;
  }
  auto object = key.kind == "Secret" ? parts.secrets.read(key, limits) : parts.store.get(key, limits);
  if (object) return std::make_shared<const Json>(*std::move(object));
  if (object.error().kind == ErrorKind::kNotFound) return api::Object();
  return std::move(object).error();
}

/// Kinds that may become unwanted while the pool lives, besides URL Secrets.
constexpr std::array<const char*, 2> kOptionalKinds = {"PodDisruptionBudget", "NetworkPolicy"};

Status gather_owned(const GatherParts& parts, const Facts& facts, const Json& stored_status, const CallLimits& limits,
                    StoredObjects& stored) {
  const std::string name = render::pool_object_name(facts.pool.name);
  for (const char* kind : kOptionalKinds) {
    for (const api::Object& object : parts.store.cached_list(kind, facts.pool.namespace_name)) {
      if (api::metadata_string(*object, "name") == name) stored.owned.push_back(object);
    }
  }
  if (!stored_status.is_object() || !stored_status.contains("databases")) return ok();
  for (const Json& database : stored_status.at("databases")) {
    const std::string secret = database.value("secretName", "");
    const ObjectKey key = secret_key(facts.pool, secret);
    if (secret.empty() || stored.by_key.contains(key)) continue;
    PW_ASSIGN_OR_RETURN(const api::Object object, read_stored(parts, key, limits));
    if (object) stored.owned.push_back(object);
  }
  return ok();
}

}  // namespace

bool has_ended(const Json& pod) {
  const std::string phase = text_at(pod, Json::json_pointer("/status/phase"));
  return phase == "Succeeded" || phase == "Failed";
}

bool is_at_gate(const Json& pod) { return read_pod(pod).at_gate; }

PodsByPool running_pods(const api::ObjectStore& store) {
  PodsByPool pods;
  for (const api::Object& pod : store.cached_list("Pod", "")) {
    const std::string label = pool_label_of(*pod);
    if (label.empty() || has_ended(*pod)) continue;
    pods[{api::metadata_string(*pod, "namespace"), label}].push_back(read_pod(*pod));
  }
  return pods;
}

void gather_running(const api::ObjectStore& store, Facts& facts) {
  gather_stored_size(store, facts);
  const std::string label = render::pool_label(facts.pool.name);
  for (const api::Object& pod : store.cached_list("Pod", facts.pool.namespace_name)) {
    if (pool_label_of(*pod) == label && !has_ended(*pod)) facts.pods.push_back(read_pod(*pod));
  }
}

void gather_running(const api::ObjectStore& store, const PodsByPool& pods, Facts& facts) {
  gather_stored_size(store, facts);
  const auto own = pods.find({facts.pool.namespace_name, render::pool_label(facts.pool.name)});
  if (own != pods.end()) facts.pods = own->second;
}

Result<Facts> gather_facts(const GatherParts& parts, const api::ConnectionPool& pool, const CallLimits& limits) {
  Facts facts;
  facts.pool = pool;
  PW_RETURN_IF_ERROR(gather_secrets(parts, limits, facts));
  PW_RETURN_IF_ERROR(gather_console(parts, limits, facts));
  PW_RETURN_IF_ERROR(gather_instances(parts, limits, facts));
  gather_running(parts.store, facts);
  return facts;
}

Result<StoredObjects> gather_stored(const GatherParts& parts, const Facts& facts, const Decision& decision,
                                    const Json& stored_status, const CallLimits& limits) {
  StoredObjects stored;
  if (!decision.rendered) return stored;
  for (const Json& object : decision.rendered->objects) {
    const ObjectKey key = api::key_of(object);
    PW_ASSIGN_OR_RETURN(api::Object found, read_stored(parts, key, limits));
    stored.by_key.emplace(key, std::move(found));
  }
  PW_RETURN_IF_ERROR(gather_owned(parts, facts, stored_status, limits, stored));
  return stored;
}

}  // namespace poolwright::reconcile

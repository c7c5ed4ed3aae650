#include "run/watches.h"

#include <array>
#include <utility>

#include "api/connection_pool.h"

namespace poolwright::run {

namespace {

using kube::Selection;

constexpr const char* kOurs = "app.kubernetes.io/managed-by=poolwright";
constexpr const char* kNotOurs = "app.kubernetes.io/managed-by!=poolwright";

constexpr std::array<std::pair<const char*, const char*>, 7> kChildKinds = {
    {{"v1", "ConfigMap"},
     {"v1", "Service"},
     {"v1", "ServiceAccount"},
     {"v1", "Pod"},
     {"apps/v1", "Deployment"},
     {"policy/v1", "PodDisruptionBudget"},
     {"networking.k8s.io/v1", "NetworkPolicy"}}};

std::set<std::string> workload_kinds(const api::Json& pool) {
  std::set<std::string> kinds;
  const api::Json::json_pointer path("/spec/databases");
  if (!pool.contains(path) || !pool.at(path).is_array()) return kinds;
  for (const api::Json& database : pool.at(path)) {
    const api::Json::json_pointer kind("/application/instancesFrom/kind");
    if (database.contains(kind) && database.at(kind).is_string()) kinds.insert(database.at(kind).get<std::string>());
  }
  return kinds;
}

}  // namespace

std::vector<Selection> fixed_selections(const WatchScope& scope) {
  std::vector<std::string> namespaces = scope.namespaces;
  if (namespaces.empty()) namespaces.emplace_back();
  std::vector<Selection> selections;
  for (const std::string& namespace_name : namespaces) {
    selections.push_back({.api_version = api::kApiVersion, .kind = api::kKind, .namespace_name = namespace_name});
    for (const auto& [api_version, kind] : kChildKinds) {
      selections.push_back(
          {.api_version = api_version, .kind = kind, .namespace_name = namespace_name, .label_selector = kOurs});
    }
  }
  return selections;
}

std::set<Selection> dynamic_selections(const WatchScope& scope, const std::vector<api::Object>& pools) {
  std::set<Selection> selections;
  for (const api::Object& pool : pools) {
    const std::string namespace_name = api::metadata_string(*pool, "namespace");
    if (scope.watch_secrets) {
      selections.insert(
          {.api_version = "v1", .kind = "Secret", .namespace_name = namespace_name, .metadata_only = true});
    }
    for (const std::string& kind : workload_kinds(*pool)) {
      if (kind != "Deployment" && kind != "StatefulSet") continue;
      selections.insert(
          {.api_version = "apps/v1", .kind = kind, .namespace_name = namespace_name, .label_selector = kNotOurs});
    }
  }
  return selections;
}

}  // namespace poolwright::run

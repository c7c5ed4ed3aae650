// What has to be watched: fixed selections for the resources and their children, and those that follow from the pools
// that there are (Secrets of their namespaces by metadata, workloads that they count instances of). Thread rule: pure.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "api/object_store.h"
#include "kube/resource.h"

namespace poolwright::run {

struct WatchScope {
  std::vector<std::string> namespaces;  // empty: the whole cluster
  bool watch_secrets = true;            // false: Secrets are polled, and only ever read by name
};

/// Selections that stand from start to end: ConnectionPools, and by our label their ConfigMaps, Services,
/// ServiceAccounts, Deployments, PodDisruptionBudgets, NetworkPolicies and Pods.
std::vector<kube::Selection> fixed_selections(const WatchScope& scope);

/// Selections that the pools make necessary: one for the metadata of the Secrets of each of their namespaces, one for
/// the Deployments and one for the StatefulSets of each namespace whose pools name such a workload.
std::set<kube::Selection> dynamic_selections(const WatchScope& scope, const std::vector<api::Object>& pools);

}  // namespace poolwright::run

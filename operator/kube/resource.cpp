#include "kube/resource.h"

#include <algorithm>
#include <array>

namespace poolwright::kube {

namespace {

constexpr std::size_t kLabelLengthMax = 63;
constexpr std::size_t kNameLengthMax = 253;

constexpr std::array kResources = {
    Resource{"v1", "ConfigMap", "configmaps"},
    Resource{"v1", "Secret", "secrets", true, true},
    Resource{"v1", "Service", "services"},
    Resource{"v1", "ServiceAccount", "serviceaccounts"},
    Resource{"v1", "Pod", "pods"},
    Resource{"v1", "Event", "events"},
    Resource{"v1", "Namespace", "namespaces", false},
    Resource{"v1", "Node", "nodes", false},
    Resource{"apps/v1", "Deployment", "deployments"},
    Resource{"apps/v1", "StatefulSet", "statefulsets"},
    Resource{"apps/v1", "ReplicaSet", "replicasets"},
    Resource{"policy/v1", "PodDisruptionBudget", "poddisruptionbudgets"},
    Resource{"networking.k8s.io/v1", "NetworkPolicy", "networkpolicies"},
    Resource{"discovery.k8s.io/v1", "EndpointSlice", "endpointslices"},
    Resource{"coordination.k8s.io/v1", "Lease", "leases"},
    Resource{"events.k8s.io/v1", "Event", "events"},
    Resource{"authentication.k8s.io/v1", "TokenReview", "tokenreviews", false, true},
    Resource{"authorization.k8s.io/v1", "SubjectAccessReview", "subjectaccessreviews", false},
    Resource{"authorization.k8s.io/v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", false},
    Resource{"apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", false},
    Resource{"poolwright.dev/v1alpha1", "ConnectionPool", "connectionpools"},
};

bool is_lower_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool is_label_at_all(std::string_view text) {
  return !text.empty() && is_lower_alphanumeric(text.front()) && is_lower_alphanumeric(text.back()) &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_lower_alphanumeric(c) || c == '-'; });
}

Result<std::string> base_path(const Resource& resource, const std::string& namespace_name) {
  const bool is_core = resource.api_version.find('/') == std::string_view::npos;
  std::string path = std::string(is_core ? "/api/" : "/apis/") + std::string(resource.api_version);
  if (!namespace_name.empty()) {
    if (!resource.is_namespaced) {
      return make_error(ErrorKind::kInvalid, std::string(resource.kind) + " has no namespace, but one was named");
    }
    if (!is_namespace_name(namespace_name)) {
      return make_error(ErrorKind::kInvalid,
                        "a namespace is named by lower-case letters, digits and '-', at most 63 characters");
    }
    path += "/namespaces/" + namespace_name;
  }
  return path + "/" + std::string(resource.plural);
}

Result<const Resource*> known_resource(const std::string& api_version, const std::string& kind) {
  const Resource* resource = find_resource(api_version, kind);
  if (resource == nullptr) {
    return make_error(ErrorKind::kInvalid, "kind " + kind + " of " + api_version + " is not known to this program");
  }
  return resource;
}

}  // namespace

std::span<const Resource> all_resources() { return kResources; }

const Resource* find_resource(std::string_view api_version, std::string_view kind) {
  const auto* const found = std::find_if(kResources.begin(), kResources.end(), [&](const Resource& resource) {
    return resource.kind == kind && resource.api_version == api_version;
  });
  return found == kResources.end() ? nullptr : found;
}

std::string to_string(const Selection& selection) {
  std::string text = selection.kind;
  if (!selection.namespace_name.empty()) text += " " + selection.namespace_name;
  if (!selection.label_selector.empty()) text += " " + selection.label_selector;
  if (!selection.field_selector.empty()) text += " " + selection.field_selector;
  return selection.metadata_only ? text + " (metadata)" : text;
}

Result<std::string> object_path(const api::ObjectKey& key) {
  PW_ASSIGN_OR_RETURN(const Resource* const resource, known_resource(key.api_version, key.kind));
  if (resource->is_namespaced && key.namespace_name.empty()) {
    return make_error(ErrorKind::kInvalid, key.kind + " " + key.name + " needs a namespace");
  }
  PW_ASSIGN_OR_RETURN(std::string path, base_path(*resource, key.namespace_name));
  if (!is_object_name(key.name)) {
    return make_error(ErrorKind::kInvalid, "a " + key.kind +
                                               " is named by lower-case letters, digits, '-' and '.', at most 253 "
                                               "characters, starting and ending with a letter or digit");
  }
  return path + "/" + key.name;
}

Result<std::string> collection_path(const Selection& selection) {
  PW_ASSIGN_OR_RETURN(const Resource* const resource, known_resource(selection.api_version, selection.kind));
  return base_path(*resource, selection.namespace_name);
}

std::string encode_query_value(std::string_view text) {
  constexpr std::string_view kHexDigits = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_plain = is_lower_alphanumeric(c) || (c >= 'A' && c <= 'Z') ||
                          std::string_view("-._~").find(c) != std::string_view::npos;
    if (is_plain) {
      encoded += c;
    } else {
      encoded += '%';
      encoded += kHexDigits[byte >> 4U];
      encoded += kHexDigits[byte & 15U];
    }
  }
  return encoded;
}

bool is_namespace_name(std::string_view text) { return text.size() <= kLabelLengthMax && is_label_at_all(text); }

bool is_object_name(std::string_view text) {
  if (text.size() > kNameLengthMax) return false;
  while (true) {
    const std::size_t dot = text.find('.');
    if (!is_label_at_all(text.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

}  // namespace poolwright::kube

#include "fakes/fake_request.h"

#include <algorithm>
#include <sstream>
#include <vector>

namespace poolwright::fakes {

namespace {

using api::Json;

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

std::string decode(const std::string& text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      decoded += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

const kube::Resource* find_plural(const std::string& api_version, const std::string& plural) {
  for (const kube::Resource& resource : kube::all_resources()) {
    if (resource.api_version == api_version && resource.plural == plural) return &resource;
  }
  return nullptr;
}

std::string label_of(const Json& object, const std::string& name) {
  const Json::json_pointer path("/metadata/labels");
  if (!object.contains(path)) return {};
  return object.at(path).value(name, std::string());
}

bool has_label(const Json& object, const std::string& name) {
  const Json::json_pointer path("/metadata/labels");
  return object.contains(path) && object.at(path).contains(name);
}

bool matches_term(const Json& object, const std::string& term) {
  if (const auto at = term.find("!="); at != std::string::npos) {
    return label_of(object, term.substr(0, at)) != term.substr(at + 2);
  }
  if (const auto at = term.find('='); at != std::string::npos) {
    const std::size_t value_at = term.substr(at).starts_with("==") ? at + 2 : at + 1;
    return label_of(object, term.substr(0, at)) == term.substr(value_at);
  }
  return term.starts_with('!') ? !has_label(object, term.substr(1)) : has_label(object, term);
}

}  // namespace

kube::Selection FakeTarget::selection(bool metadata_only) const {
  return {.api_version = std::string(resource->api_version),
          .kind = std::string(resource->kind),
          .namespace_name = namespace_name,
          .label_selector = parameter("labelSelector"),
          .field_selector = parameter("fieldSelector"),
          .metadata_only = metadata_only};
}

std::string FakeTarget::describe() const { return std::string(resource->plural) + " \"" + name + "\""; }

std::optional<FakeTarget> parse_target(const kube::Request& request) {
  std::vector<std::string> steps = split(request.path, '/');  // "", "api", "v1", ...
  if (steps.size() < 4) return std::nullopt;
  const bool is_core = steps[1] == "api";
  const std::string api_version = is_core ? steps[2] : steps[2] + "/" + steps[3];
  steps.erase(steps.begin(), steps.begin() + (is_core ? 3 : 4));

  FakeTarget target;
  if (steps.size() >= 3 && steps[0] == "namespaces") {
    target.namespace_name = steps[1];
    steps.erase(steps.begin(), steps.begin() + 2);
  }
  if (steps.empty()) return std::nullopt;
  target.resource = find_plural(api_version, steps[0]);
  if (target.resource == nullptr) return std::nullopt;
  if (steps.size() > 1) target.name = steps[1];
  target.is_status = steps.size() > 2 && steps[2] == "status";
  for (const std::string& parameter : split(request.query, '&')) {
    const std::size_t equals = std::min(parameter.find('='), parameter.size());
    const std::size_t value_at = std::min(equals + 1, parameter.size());
    target.query[parameter.substr(0, equals)] = decode(parameter.substr(value_at));
  }
  return target;
}

bool matches_labels(const Json& object, const std::string& selector) {
  const auto terms = split(selector, ',');
  return std::all_of(terms.begin(), terms.end(), [&](const auto& term) { return matches_term(object, term); });
}

bool matches_fields(const Json& object, const std::string& selector) {
  const auto terms = split(selector, ',');
  return std::all_of(terms.begin(), terms.end(), [&](const std::string& term) {
    if (term.starts_with("metadata.name=")) return api::metadata_string(object, "name") == term.substr(14);
    if (term.starts_with("metadata.namespace=")) return api::metadata_string(object, "namespace") == term.substr(19);
    return false;
  });
}

Json shown(const kube::Selection& selection, const Json& object) {
  if (!selection.metadata_only) return object;
  return {{"apiVersion", "meta.k8s.io/v1"}, {"kind", "PartialObjectMetadata"}, {"metadata", object.at("metadata")}};
}

kube::Response refusal(int code, const std::string& reason, const std::string& message) {
  return answer(code, {{"kind", "Status"},
                       {"apiVersion", "v1"},
                       {"metadata", Json::object()},
                       {"status", "Failure"},
                       {"message", message},
                       {"reason", reason},
                       {"code", code}});
}

kube::Response answer(int code, const Json& body) { return {.status = code, .body = body.dump()}; }

}  // namespace poolwright::fakes

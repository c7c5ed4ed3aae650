// What a request to the fake API server names, taken out of its path and query; and answers in the API server's form.
// Thread rule: pure.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "kube/resource.h"
#include "kube/transport.h"

namespace poolwright::fakes {

struct FakeTarget {
  const kube::Resource* resource = nullptr;
  std::string namespace_name;
  std::string name;  // "" = the collection
  bool is_status = false;
  std::map<std::string, std::string> query;  // decoded

  std::string parameter(const std::string& key) const {
    const auto found = query.find(key);
    return found == query.end() ? std::string() : found->second;
  }
  kube::Selection selection(bool metadata_only) const;
  std::string describe() const;  // `connectionpools "orders"`
};

/// nullopt for a path that names no known kind.
std::optional<FakeTarget> parse_target(const kube::Request& request);

bool matches_labels(const api::Json& object, const std::string& selector);
bool matches_fields(const api::Json& object, const std::string& selector);

/// As a list or watch with this selection shows the object: whole, or its metadata only.
api::Json shown(const kube::Selection& selection, const api::Json& object);

/// A metav1.Status with this code and reason.
kube::Response refusal(int code, const std::string& reason, const std::string& message);
kube::Response answer(int code, const api::Json& body);

}  // namespace poolwright::fakes

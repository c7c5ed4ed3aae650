// The kinds that this program talks about: how the API server spells them in a URL, and checks of everything that
// becomes part of one. A name that is not valid never reaches a path. Thread rule: pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "api/object.h"
#include "base/result.h"

namespace poolwright::kube {

/// One kind. The table is in resource.cpp; a kind that is not in it cannot be read or written.
struct Resource {
  std::string_view api_version;
  std::string_view kind;
  std::string_view plural;
  bool is_namespaced = true;
  bool is_secret = false;  // what the API server says about it may quote values: its messages are not repeated
};

std::span<const Resource> all_resources();

/// Null where the kind is unknown.
const Resource* find_resource(std::string_view api_version, std::string_view kind);

/// Which objects of a kind a list or a watch is about.
struct Selection {
  std::string api_version;
  std::string kind;
  std::string namespace_name = {};  // "" = all namespaces
  std::string label_selector = {};
  std::string field_selector = {};
  bool metadata_only = false;  // PartialObjectMetadata: no spec, status or data ever crosses the wire

  friend auto operator<=>(const Selection&, const Selection&) = default;  // NOLINT(modernize-use-nullptr): tool's bug
  friend bool operator==(const Selection&, const Selection&) = default;
};

/// "Secret shop (metadata)", for messages.
std::string to_string(const Selection& selection);

/// "/apis/apps/v1/namespaces/shop/deployments/orders-pool". Invalid for an unknown kind, a bad name, or a namespace
/// where none belongs (or the reverse).
Result<std::string> object_path(const api::ObjectKey& key);
/// "/apis/apps/v1/namespaces/shop/deployments", or without the namespace for all of them.
Result<std::string> collection_path(const Selection& selection);

/// Percent-encodes every byte outside A-Za-z0-9-._~.
std::string encode_query_value(std::string_view text);

/// True for a DNS-1123 label (at most 63 characters): what a namespace may be called.
bool is_namespace_name(std::string_view text);
/// True for a DNS-1123 subdomain (at most 253 characters): what an object may be called.
bool is_object_name(std::string_view text);

}  // namespace poolwright::kube

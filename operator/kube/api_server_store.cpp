#include "kube/api_server_store.h"

#include <algorithm>

namespace poolwright::kube {

using api::Json;
using api::Object;
using api::ObjectKey;

Object ApiServerStore::cached(const ObjectKey& key) const {
  Object seen = parts_.cache.get(key);
  const auto overlay = overlay_of(key);
  return overlay ? overlay->object : seen;
}

std::vector<Object> ApiServerStore::cached_list(const std::string& kind, const std::string& namespace_name) const {
  // Overlays first: one that is dropped now is in what the cache gives afterwards.
  std::vector<ObjectKey> written;
  {
    const MutexLock lock(mutex_);
    for (auto entry = overlays_.lower_bound({kind, namespace_name, ""}); entry != overlays_.end(); ++entry) {
      if (entry->first.kind != kind) break;
      if (!namespace_name.empty() && entry->first.namespace_name != namespace_name) break;
      written.push_back(entry->second.key);
    }
  }
  std::vector<Object> objects = parts_.cache.list(kind, namespace_name);
  if (written.empty()) return objects;
  std::map<Place, Object> by_place;
  for (Object& object : objects) by_place[place_of(api::key_of(*object))] = std::move(object);
  for (const ObjectKey& key : written) by_place[place_of(key)] = cached(key);
  objects.clear();
  for (auto& [place, object] : by_place) {
    if (object != nullptr) objects.push_back(std::move(object));
  }
  return objects;
}

Result<Json> ApiServerStore::get(const ObjectKey& key, const CallLimits& limits) {
  return parts_.client.get(key, limits);
}

Result<Json> ApiServerStore::apply(const Json& object, const CallLimits& limits) {
  PW_ASSIGN_OR_RETURN(const CallLimits admitted, parts_.gate.admit(limits));
  PW_ASSIGN_OR_RETURN(Json stored, parts_.client.apply(object, admitted));
  remember(api::key_of(object), stored);
  return stored;
}

Status ApiServerStore::remove(const ObjectKey& key, const std::string& uid, const CallLimits& limits) {
  PW_ASSIGN_OR_RETURN(const CallLimits admitted, parts_.gate.admit(limits));
  PW_ASSIGN_OR_RETURN(const Removal removal, parts_.client.remove(key, uid, admitted));
  if (removal == Removal::kGone) remember_removal(key, uid);
  return ok();
}

Result<Json> ApiServerStore::apply_status(const ObjectKey& key, const Json& status, const CallLimits& limits) {
  PW_ASSIGN_OR_RETURN(const CallLimits admitted, parts_.gate.admit(limits));
  PW_ASSIGN_OR_RETURN(Json stored, parts_.client.apply_status(key, status, admitted));
  remember(key, stored);
  return stored;
}

Status ApiServerStore::merge_patch(const ObjectKey& key, const Json& patch, const CallLimits& limits) {
  PW_ASSIGN_OR_RETURN(const CallLimits admitted, parts_.gate.admit(limits));
  PW_ASSIGN_OR_RETURN(const Json stored, parts_.client.merge_patch(key, patch, admitted));
  remember(key, stored);
  return ok();
}

void ApiServerStore::note(const api::EventNote& event) { parts_.events.note(event); }

bool ApiServerStore::is_behind(const ObjectKey& key) const { return overlay_of(key).has_value(); }

void ApiServerStore::remember(const ObjectKey& key, const Json& object) {
  const Resource* resource = find_resource(key.api_version, key.kind);
  Json kept = object;
  kept["metadata"].erase("managedFields");
  if (resource != nullptr && resource->is_secret) {
    // As the watch would bring it: values of Secrets are never kept.
    kept = {{"apiVersion", key.api_version}, {"kind", key.kind}, {"metadata", kept["metadata"]}};
  }
  insert({.key = key,
          .object = std::make_shared<const Json>(std::move(kept)),
          .version = api::metadata_string(object, "resourceVersion"),
          .uid = api::metadata_string(object, "uid"),
          .since = parts_.clock.now()});
}

void ApiServerStore::remember_removal(const ObjectKey& key, const std::string& uid) {
  insert({.key = key, .object = nullptr, .version = "", .uid = uid, .since = parts_.clock.now()});
}

void ApiServerStore::insert(Overlay overlay) {
  const MonotonicTime now = parts_.clock.now();
  const MutexLock lock(mutex_);
  if (overlays_.size() >= kOverlaysMax) {
    std::erase_if(overlays_, [&](const auto& entry) { return now - entry.second.since > kOverlayAge; });
  }
  if (overlays_.size() < kOverlaysMax) overlays_[place_of(overlay.key)] = std::move(overlay);
}

/// True while the overlay knows more than the cache.
bool ApiServerStore::is_current(const Overlay& overlay, const Object& cached) const {
  if (parts_.clock.now() - overlay.since > kOverlayAge) return false;
  const std::string seen_version = parts_.cache.seen_version(overlay.key);
  if (seen_version.empty()) return false;  // nobody watches: the cache will never say more
  if (overlay.object == nullptr) return cached != nullptr && api::metadata_string(*cached, "uid") == overlay.uid;
  if (cached != nullptr && !is_older_version(api::metadata_string(*cached, "resourceVersion"), overlay.version)) {
    return false;
  }
  if (cached == nullptr) {
    const std::string removed = parts_.cache.removed_version(overlay.key);
    if (!removed.empty() && !is_older_version(removed, overlay.version)) return false;  // deleted after our write
  }
  // Past our write without having brought it: it is in no watched selection.
  return is_older_version(seen_version, overlay.version);
}

std::optional<ApiServerStore::Overlay> ApiServerStore::overlay_of(const ObjectKey& key) const {
  std::optional<Overlay> overlay;
  {
    const MutexLock lock(mutex_);
    const auto found = overlays_.find(place_of(key));
    if (found == overlays_.end()) return std::nullopt;
    overlay = found->second;
  }
  if (is_current(*overlay, parts_.cache.get(key))) return overlay;
  const MutexLock lock(mutex_);
  const auto found = overlays_.find(place_of(key));
  if (found != overlays_.end() && found->second.version == overlay->version && found->second.uid == overlay->uid) {
    overlays_.erase(found);
  }
  return std::nullopt;
}

}  // namespace poolwright::kube

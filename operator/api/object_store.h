// Where objects live, as far as the reconciler needs to know: the API server (kube/) is one store, a directory of files
// another. Reads are cheap (a cache that watches keep fresh) except get(), which asks the store itself.
// Thread rule: all operations may be called from any thread; those with limits may block until the deadline.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/object.h"
#include "base/deadline.h"
#include "base/result.h"

namespace poolwright::api {

using Object = std::shared_ptr<const Json>;

/// An event for a person, about one object. Repeats with the same reason are aggregated by the store.
struct EventNote {
  Json regarding;  // the object: apiVersion, kind, metadata.{namespace,name,uid} are used
  bool warning = false;
  std::string reason;   // CamelCase
  std::string message;  // at most 1024 characters are kept
};

class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  /// From the cache; null where it is not there or the kind is not watched.
  virtual Object cached(const ObjectKey& key) const = 0;
  /// All cached objects of a kind in a namespace ("" = all namespaces), by name.
  virtual std::vector<Object> cached_list(const std::string& kind, const std::string& namespace_name) const = 0;

  /// From the store itself. NotFound where it is absent.
  virtual Result<Json> get(const ObjectKey& key, const CallLimits& limits) = 0;
  /// Server-side apply under the operator's field manager, forced for the fields that `object` has. Gives the stored
  /// object. Conflict, Invalid, Forbidden, ... as kinds.
  virtual Result<Json> apply(const Json& object, const CallLimits& limits) = 0;
  /// Deletes only while the UID matches; an absent object is success.
  virtual Status remove(const ObjectKey& key, const std::string& uid, const CallLimits& limits) = 0;
  /// Replaces .status of an object by server-side apply on the status subresource.
  virtual Result<Json> apply_status(const ObjectKey& key, const Json& status, const CallLimits& limits) = 0;
  /// JSON merge patch (RFC 7386): for annotations of objects that are not ours to apply, and for lists whose entries
  /// server-side apply would only add to.
  virtual Status merge_patch(const ObjectKey& key, const Json& patch, const CallLimits& limits) = 0;
  /// Best effort; a failure is logged and counted, never returned.
  virtual void note(const EventNote& event) = 0;
};

}  // namespace poolwright::api

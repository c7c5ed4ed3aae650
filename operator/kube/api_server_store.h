// The API server as the place where objects live. Every write passes the leader gate. What this process wrote is shown
// by cached() and cached_list() even before the watch has brought it back, so that nothing is decided on a state from
// before an own write. Thread rule: any thread; calls with limits block until the deadline at most. The parts outlive
// the store.
#pragma once

#include <map>
#include <optional>

#include "api/object_store.h"
#include "base/mutex.h"
#include "kube/cache.h"
#include "kube/client.h"
#include "kube/events.h"
#include "kube/leader_gate.h"

namespace poolwright::kube {

struct ApiServerStoreParts {
  Client& client;
  const Cache& cache;
  const LeaderGate& gate;
  EventRecorder& events;
  const Clock& clock;
};

class ApiServerStore final : public api::ObjectStore {
 public:
  /// An own write that no watch brought back within this time is no longer shown: the kind is not watched, or the watch
  /// is down and its next list decides.
  static constexpr Duration kOverlayAge = std::chrono::seconds{30};
  static constexpr std::size_t kOverlaysMax = 16384;

  explicit ApiServerStore(const ApiServerStoreParts& parts) : parts_(parts) {}

  api::Object cached(const api::ObjectKey& key) const override;
  std::vector<api::Object> cached_list(const std::string& kind, const std::string& namespace_name) const override;
  Result<api::Json> get(const api::ObjectKey& key, const CallLimits& limits) override;
  Result<api::Json> apply(const api::Json& object, const CallLimits& limits) override;
  Status remove(const api::ObjectKey& key, const std::string& uid, const CallLimits& limits) override;
  Result<api::Json> apply_status(const api::ObjectKey& key, const api::Json& status, const CallLimits& limits) override;
  Status merge_patch(const api::ObjectKey& key, const api::Json& patch, const CallLimits& limits) override;
  void note(const api::EventNote& event) override;

  /// An own write of this object has not come back by the watch yet.
  bool is_behind(const api::ObjectKey& key) const;

 private:
  /// Kind first, so that one kind's overlays are neighbours.
  struct Place {
    std::string kind;
    std::string namespace_name;
    std::string name;
    friend auto operator<=>(const Place&, const Place&) = default;  // NOLINT(modernize-use-nullptr): tool's bug
  };
  struct Overlay {
    api::ObjectKey key;
    api::Object object;   // null = deleted
    std::string version;  // what the cache must have reached; "" for a deletion
    std::string uid;
    MonotonicTime since;
  };

  static Place place_of(const api::ObjectKey& key) { return {key.kind, key.namespace_name, key.name}; }
  void remember(const api::ObjectKey& key, const api::Json& object);
  void remember_removal(const api::ObjectKey& key, const std::string& uid);
  void insert(Overlay overlay);
  bool is_current(const Overlay& overlay, const api::Object& cached) const;
  std::optional<Overlay> overlay_of(const api::ObjectKey& key) const;

  ApiServerStoreParts parts_;
  mutable Mutex mutex_;
  mutable std::map<Place, Overlay> overlays_ PW_GUARDED_BY(mutex_);
};

}  // namespace poolwright::kube

// The object store without a cluster: objects in memory, each that must outlive the program also as a file. What people
// declare (ConnectionPools, Secrets) comes from their own files and is put in by declare(); what the reconciler applies
// comes through the interface, with the rules of the API server as far as the reconciler relies on them: an apply takes
// back what it gave before and no longer gives, leaves alone what others wrote, and changes the version only where
// something differs; `spec` counts generations; what belongs to a deleted object goes with it.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "api/object_store.h"
#include "base/mutex.h"
#include "base/random.h"

namespace poolwright::local {

/// Every object of a store lives in one namespace: a directory is one.
inline constexpr const char* kNamespace = "local";

/// Annotation of what people declared: the file that it came from.
inline constexpr const char* kSourceAnnotation = "poolwright.dev/source";

/// Thread rule: any thread. One mutex around the map and the files, never held while on_change runs.
class DirectoryStore final : public api::ObjectStore {
 public:
  /// What became of one object; null before = new, null after = gone. Called on the thread that made the change, after
  /// it; two changes of one object by two threads may be told in either order.
  using OnChange = std::function<void(const api::Object& before, const api::Object& after)>;

  /// `folder` is made and belongs to this store alone; its objects are read. Files that hold none are left out with a
  /// warning. `random` gives UIDs and must outlive the store.
  static Result<std::unique_ptr<DirectoryStore>> open(std::filesystem::path folder, Random& random);

  /// Before any other thread knows the store.
  void set_on_change(OnChange on_change) { on_change_ = std::move(on_change); }

  api::Object cached(const api::ObjectKey& key) const override;
  std::vector<api::Object> cached_list(const std::string& kind, const std::string& namespace_name) const override;
  Result<api::Json> get(const api::ObjectKey& key, const CallLimits& limits) override;
  Result<api::Json> apply(const api::Json& object, const CallLimits& limits) override;
  Status remove(const api::ObjectKey& key, const std::string& uid, const CallLimits& limits) override;
  Result<api::Json> apply_status(const api::ObjectKey& key, const api::Json& status, const CallLimits& limits) override;
  Status merge_patch(const api::ObjectKey& key, const api::Json& patch, const CallLimits& limits) override;
  void note(const api::EventNote& event) override;

  /// What a person wrote becomes the object: everything but its identity and status.
  Status declare(const api::Json& object);
  /// It is gone, and with it what it owns. An absent object is success.
  Status withdraw(const api::ObjectKey& key);

 private:
  struct Entry {
    api::Object object;
    api::Json applied;  // what the last apply gave
  };
  using Change = std::pair<api::Object, api::Object>;

  DirectoryStore(std::filesystem::path folder, Random& random) : folder_(std::move(folder)), random_(random) {}

  Status load();
  Status drop_orphans() PW_REQUIRES(mutex_);
  bool holds_uid(const std::string& uid) const PW_REQUIRES(mutex_);
  Result<api::Json> store(const api::ObjectKey& key, api::Json object, const api::Json* applied, Change& change)
      PW_REQUIRES(mutex_);
  Status erase(const api::ObjectKey& key, std::vector<Change>& changes) PW_REQUIRES(mutex_);
  std::string new_uid();
  std::filesystem::path file_of(const api::ObjectKey& key) const;
  void tell(const std::vector<Change>& changes) const;

  const std::filesystem::path folder_;
  Random& random_;
  OnChange on_change_;  // constant once threads run
  mutable Mutex mutex_;
  std::map<api::ObjectKey, Entry> entries_ PW_GUARDED_BY(mutex_);
  std::int64_t version_ PW_GUARDED_BY(mutex_) = 0;
};

}  // namespace poolwright::local

// What the reconciler relies on when it talks to an object store. The same tests run against the store on an API server
// (tests/unit/kube) and against the one on a directory (tests/unit/local).
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "api/object_store.h"
#include "base/clock.h"

namespace poolwright::tests {

/// A store with all that it needs, empty.
class StoreSite {
 public:
  StoreSite() = default;
  virtual ~StoreSite() = default;
  StoreSite(const StoreSite&) = delete;
  StoreSite& operator=(const StoreSite&) = delete;

  virtual api::ObjectStore& store() = 0;
  /// The namespace in which it can be worked.
  virtual std::string namespace_name() const = 0;
  /// Lets the cache see what was written.
  virtual void settle() = 0;
};

struct StoreContractSite {
  const char* name;
  std::function<std::unique_ptr<StoreSite>()> make;
};

class StoreContract : public ::testing::TestWithParam<StoreContractSite> {
 protected:
  void SetUp() override { site_ = GetParam().make(); }

  api::ObjectStore& store() { return site_->store(); }
  CallLimits limits() const { return {.deadline = Deadline(clock_, std::chrono::seconds{30}), .stop = {}}; }
  api::ObjectKey key(const std::string& kind = "ConfigMap") const;
  /// ConfigMap "a" with these entries.
  api::Json config_map(const api::Json& entries) const;
  api::Json stored() { return store().get(key(), limits()).value(); }
  static std::string version_of(const api::Json& object) { return api::metadata_string(object, "resourceVersion"); }

  SystemClock clock_;
  std::unique_ptr<StoreSite> site_;
};

}  // namespace poolwright::tests

// The newest valid spec of each ConnectionPool of a store, parsed once a change and not once a look.
// Thread rule: plain values; one owner.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "api/object_store.h"
#include "api/validate.h"

namespace poolwright::run {

struct KnownPool {
  api::Object object;                               // as it was stored last
  std::shared_ptr<const api::ConnectionPool> pool;  // the last valid spec; null where there was none
  bool is_gone = false;                             // deleted, or being deleted; stays until its owner erases it
};
using KnownPools = std::map<std::string, KnownPool>;  // by pool_id

/// Of a resource that became invalid the last good spec goes on.
void follow_pools(const api::ObjectStore& store, const api::ValidationPolicy& policy, KnownPools& known);

}  // namespace poolwright::run

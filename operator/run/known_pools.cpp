#include "run/known_pools.h"

#include <utility>

#include "api/parse.h"
#include "run/pool_watch.h"

namespace poolwright::run {

void follow_pools(const api::ObjectStore& store, const api::ValidationPolicy& policy, KnownPools& known) {
  for (auto& [id, pool] : known) pool.is_gone = true;
  for (const api::Object& object : store.cached_list(api::kKind, "")) {
    if (!api::metadata_string(*object, "deletionTimestamp").empty()) continue;
    KnownPool& pool = known[pool_id(api::metadata_string(*object, "namespace"), api::metadata_string(*object, "name"))];
    pool.is_gone = false;
    if (pool.object == object) continue;
    pool.object = object;
    api::Parsed parsed = api::check_pool(*object, policy);
    if (parsed.pool) pool.pool = std::make_shared<const api::ConnectionPool>(*std::move(parsed.pool));
  }
}

}  // namespace poolwright::run

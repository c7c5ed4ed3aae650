// The configuration that is stored for a pool, as it was applied: what an operator that has just started can put back.
// Thread rule: pure.
#pragma once

#include <optional>
#include <string>

#include "pgbouncer/verify.h"
#include "reconcile/facts.h"

namespace poolwright::reconcile {

/// One configuration: the objects that carry its files, and what PgBouncer shows once it runs it.
struct StoredConfig {
  std::string config_hash;
  api::Json config_map;
  api::Json userlist;
  pgbouncer::ExpectedConfig expected;
};

/// What PgBouncer shows once it runs these files. Invalid where the text is no ini.
Result<pgbouncer::ExpectedConfig> expected_config(const std::string& ini_text, const std::string& user_marker);

/// What is stored for the pool, without what the API server adds and does not take back; none where the objects are not
/// there, are not the pool's, or cannot be read.
std::optional<StoredConfig> stored_config(const StoredObjects& stored, const api::ConnectionPool& pool);

}  // namespace poolwright::reconcile

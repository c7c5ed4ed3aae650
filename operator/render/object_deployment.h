// The Deployment of the PgBouncers. Its pod template has nothing in it that RELOAD can change: sizes, timeouts, users
// and passwords reach the pods as files. What needs a restart is in it, directly or as a hash. An upgrade of the
// operator must not restart a PgBouncer, so a change to what is written here is a change for every pool: make it with
// care. Inside the room only. Thread rule: pure functions over plain values.
#pragma once

#include <string>

#include "api/connection_pool.h"
#include "api/object.h"
#include "base/result.h"
#include "render/ini.h"
#include "render/version.h"

namespace poolwright::render {

/// uid, gid and fsGroup of the container; no user of that number needs to exist in the image.
inline constexpr int kContainerUser = 65532;

struct DeploymentInputs {
  const api::ConnectionPool& pool;
  PgbouncerVersion version;
  std::string image;
  std::string restart_hash;
};

/// SHA-256 of the settings that RELOAD does not change (by the option table).
std::string restart_hash(const Ini& ini);

/// Invalid where the free JSON of the pod template or a quantity cannot be read.
Result<api::Json> deployment(const DeploymentInputs& inputs);

}  // namespace poolwright::render

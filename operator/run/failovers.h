// Since when each PostgreSQL server is the one that answers under its name: from its start, or from the moment when
// another one, or the same one in another role, was found there. Thread rule: any thread; one mutex around map lookups.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/mutex.h"
#include "run/server_name.h"

namespace poolwright::run {

class Failovers {
 public:
  /// Servers (by server_name) of which it is known since now, or known anew. A server that does not answer stays what
  /// it was.
  std::set<std::string> update(const ServerViews& servers, WallTime now);

  std::optional<WallTime> serving_since(const std::string& server) const;

 private:
  struct Serving {
    std::pair<std::int64_t, bool> identity;  // start, and whether it is a standby
    WallTime since{};
  };

  mutable Mutex mutex_;
  std::map<std::string, Serving> servers_ PW_GUARDED_BY(mutex_);
};

}  // namespace poolwright::run

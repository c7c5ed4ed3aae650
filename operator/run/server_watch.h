// One connection to each PostgreSQL server that pools name, by the best login that a pool on it gives: the monitoring
// and the sizing read what it sees.
// Thread rule: follow() from one thread, the readers from any; one mutex around map lookups. What is passed in
// outlives it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/mutex.h"
#include "postgres/observer.h"
#include "run/pool_watch.h"
#include "run/server_name.h"

namespace poolwright::run {

class ServerWatch {
 public:
  static constexpr Duration kInterval{2000};

  ServerWatch(const PoolWatch& pools, postgres::IoThread& thread, const Clock& clock, Random& random)
      : pools_(pools), observer_(thread, clock, random, {.interval = kInterval}) {}

  /// Takes over what the pools say by now about servers and logins; does nothing where they say what they said.
  void follow() PW_EXCLUDES(mutex_);

  ServerViews all() const { return observer_.observations(); }
  /// Only what was seen with a role that a resource names for this, which may see everybody's sessions.
  ServerViews by_observers() const PW_EXCLUDES(mutex_);

  /// Ends sessions that are still as they were seen, by the role that a resource names for looking at the server; see
  /// ServerObserver. kUnavailable where there is none.
  void end_sessions(const std::string& server, std::vector<postgres::SessionMark> sessions,
                    postgres::ServerObserver::Ended done) PW_EXCLUDES(mutex_);

 private:
  using Chosen = std::map<std::string, std::shared_ptr<const WatchTargets>>;  // by server_name

  const PoolWatch& pools_;
  postgres::ServerObserver observer_;
  std::uint64_t generation_ = 0;  // of the thread that follows
  mutable Mutex mutex_;
  Chosen chosen_ PW_GUARDED_BY(mutex_);
};

}  // namespace poolwright::run

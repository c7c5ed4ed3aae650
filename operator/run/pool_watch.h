// Learns from what every reconcile gathers whom the monitoring has to ask: the PostgreSQL server of a pool and its
// Redis, with their logins. It stands between the reconciler and the consoles, so that no Secret is read twice.
// Thread rule: any thread; one mutex around map lookups.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "postgres/observer.h"
#include "reconcile/pod_programmer.h"
#include "redis/probe.h"
#include "run/memory_file.h"

namespace poolwright::run {

/// How the hosts of servers are found: by the names of the cluster, or by those of this machine.
enum class HostNames { kOfCluster, kOfMachine };

/// Whom to ask about one pool. Where a Secret is not usable, `..._problem` says why and the target is absent.
struct WatchTargets {
  std::string server_name;
  std::optional<postgres::ServerAddress> server;
  bool has_observer = false;  // the role that the resource names for this, which may see everybody's sessions
  std::string server_problem;
  std::optional<redis::ProbeTarget> redis;
  std::string redis_problem;
  std::vector<std::shared_ptr<const MemoryFile>> files;  // that the server's TLS options name
};

/// "shop/orders".
std::string pool_id(const std::string& namespace_name, const std::string& name);

class PoolWatch final : public reconcile::PodProgrammer {
 public:
  using Pools = std::map<std::string, std::shared_ptr<const WatchTargets>>;  // by pool_id

  /// `inner` outlives it.
  PoolWatch(reconcile::PodProgrammer& inner, HostNames names) : inner_(inner), names_(names) {}

  reconcile::ProgramReport program(const reconcile::Facts& facts, const render::Rendered& rendered,
                                   const CallLimits& limits) override {
    return inner_.program(facts, rendered, limits);
  }
  void watch(const reconcile::Facts& facts) override;
  bool was_refused(const reconcile::Facts& facts, const std::string& config_hash) const override {
    return inner_.was_refused(facts, config_hash);
  }
  void recall(const reconcile::Facts& facts, const reconcile::StoredObjects& stored) override {
    inner_.recall(facts, stored);
  }
  void forget(const std::string& namespace_name, const std::string& pool_name) override;

  Pools pools() const;
  /// Grows with every change of what pools() gives.
  std::uint64_t generation() const;

 private:
  reconcile::PodProgrammer& inner_;
  const HostNames names_;
  mutable Mutex mutex_;
  Pools pools_ PW_GUARDED_BY(mutex_);
  std::uint64_t generation_ PW_GUARDED_BY(mutex_) = 0;
};

}  // namespace poolwright::run

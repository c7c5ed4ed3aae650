// The monitoring of a run: once a second it takes together what the consoles, the servers, every Redis and the sizing
// show, makes the report that REST, /metrics and the page read, and writes the metrics blocks into the log. It knows no
// API server: the objects come from whatever store there is.
// Thread rule: start and stop from one thread; tick() by one thread at a time: the own one after start(), or the
// caller's in a simulation. Everything in the parts outlives it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "api/object_store.h"
#include "base/clock.h"
#include "health/monitor.h"
#include "pgbouncer/fleet.h"
#include "postgres/observer.h"
#include "reconcile/console_programmer.h"
#include "redis/watcher.h"
#include "run/alert_events.h"
#include "run/health_view.h"
#include "run/pool_watch.h"
#include "run/sizing_view.h"
#include "serve/snapshot.h"

namespace poolwright::run {

struct MonitoringParts {
  api::ObjectStore& store;  // ConnectionPools, Pods, ConfigMaps; events
  const pgbouncer::ConsoleFleet& fleet;
  const reconcile::ConsoleProgrammer& programmer;
  const PoolWatch& watch;
  const SizingMailbox& sizing;
  postgres::IoThread& io_thread;
  const Clock& clock;
  Random& random;
  serve::Mailbox& mailbox;
  /// What the operator counts about itself, without pools and process; called once a second.
  std::function<serve::OperatorCounters()> counters;
  std::function<std::vector<serve::ReadinessCheck>()> readiness;
  /// Whether this process is the one that tells: blocks in the log, events. The others only answer questions.
  std::function<bool()> tells;
};

class Monitoring {
 public:
  static constexpr Duration kTick{1000};
  static constexpr Duration kServerInterval{2000};
  static constexpr Duration kRedisInterval{2000};

  explicit Monitoring(const MonitoringParts& parts);
  ~Monitoring();
  Monitoring(const Monitoring&) = delete;
  Monitoring& operator=(const Monitoring&) = delete;

  void start();
  void stop();

  /// Looks once and publishes.
  void tick();

 private:
  /// A resource as it was read last, so that it is read once a change and not once a second.
  struct Known {
    std::string resource_version;
    std::shared_ptr<const api::ConnectionPool> pool;  // null: it is not valid
  };
  /// Blocks in the log about one pool.
  struct Told {
    bool is_started = false;  // the first block was written
    MonotonicTime next{};
  };

  void run(const std::stop_token& stop);
  std::map<std::string, api::Object> read_pools();
  void follow_targets();
  std::vector<PoolView> look(const std::map<std::string, api::Object>& objects);
  std::vector<PodView> pods_of(const api::ConnectionPool& pool, const reconcile::ProgramTally* tally,
                               const std::vector<api::Object>& pods);
  health::Observations observe(const std::vector<PoolView>& pools);
  serve::OperatorCounters count() const;
  void write_blocks(const health::Report& report);
  void forget_gone(const std::vector<PoolView>& pools);

  MonitoringParts parts_;
  postgres::ServerObserver servers_;
  redis::Watcher redis_;
  // Of the thread that ticks.
  health::Monitor monitor_;
  AlertEvents events_;
  SizingView sizing_;
  std::map<std::string, Known> known_;                                          // by pool_id
  std::map<std::string, MonotonicTime> first_seen_;                             // pods by UID
  std::map<std::string, Told> told_;                                            // by pool_id
  std::map<std::string, std::shared_ptr<const WatchTargets>> watched_servers_;  // by server_id
  std::uint64_t targets_generation_ = 0;
  std::jthread thread_;
};

}  // namespace poolwright::run

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
#include "reconcile/console_programmer.h"
#include "redis/watcher.h"
#include "run/alert_events.h"
#include "run/failovers.h"
#include "run/health_view.h"
#include "run/known_pools.h"
#include "run/pool_watch.h"
#include "run/server_watch.h"
#include "run/sizing_view.h"
#include "serve/snapshot.h"

namespace poolwright::run {

struct MonitoringParts {
  api::ObjectStore& store;  // ConnectionPools, Pods, ConfigMaps; events
  const pgbouncer::ConsoleFleet& fleet;
  const reconcile::ConsoleProgrammer& programmer;
  const PoolWatch& watch;
  ServerWatch& servers;
  Failovers& failovers;
  const SizingMailbox& sizing;
  const Clock& clock;
  serve::Mailbox& mailbox;
  /// What the operator counts about itself, without pools and process; called once a second.
  std::function<serve::OperatorCounters()> counters;
  std::function<std::vector<serve::ReadinessCheck>()> readiness;
  /// When the other threads moved on last.
  std::function<std::vector<serve::Heartbeat>()> heartbeats;
  api::ValidationPolicy validation;
  /// Whether this process is the one that tells: blocks in the log, events. The others only answer questions.
  std::function<bool()> tells;
  /// Has a pool reconciled soon.
  std::function<void(const std::string& namespace_name, const std::string& name)> look_at;
};

class Monitoring {
 public:
  static constexpr Duration kTick{1000};
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
  /// Blocks in the log about one pool.
  struct Told {
    bool is_started = false;  // the first block was written
    MonotonicTime next{};
  };

  void run(const std::stop_token& stop);
  void follow_failovers();
  void follow_redis();
  std::vector<PoolView> look();
  std::vector<PodView> pods_of(const api::ConnectionPool& pool, const reconcile::ProgramTally* tally,
                               const std::vector<api::Object>& pods);
  health::Observations observe(const std::vector<PoolView>& pools);
  serve::OperatorCounters count() const;
  void write_blocks(const health::Report& report);
  void forget_gone(const std::vector<PoolView>& pools);

  MonitoringParts parts_;
  redis::Watcher redis_;
  // Of the thread that ticks.
  health::Monitor monitor_;
  AlertEvents events_;
  SizingView sizing_;
  KnownPools known_;
  std::map<std::string, MonotonicTime> first_seen_;  // pods by UID, not before their gate opened
  std::map<std::string, Told> told_;                 // by pool_id
  /// Only what is counted here: changes of sizes. By namespace and name.
  std::map<std::pair<std::string, std::string>, serve::PoolCounters> resized_;
  std::uint64_t targets_generation_ = 0;
  std::jthread thread_;
};

}  // namespace poolwright::run

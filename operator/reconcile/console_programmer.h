// PodProgrammer over the admin consoles: tells the kubelet to write the files now (an annotation on the pod), RELOADs
// on the open console and reads everything back. A configuration that a PgBouncer refused is put back to the last one
// that was live, through the same console, and is not tried again until something else is rendered. Thread rule: any
// thread; one pool at a time by one thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "api/object_store.h"
#include "base/clock.h"
#include "base/histogram.h"
#include "base/mutex.h"
#include "pgbouncer/fleet.h"
#include "pgbouncer/live_apply.h"
#include "reconcile/pod_programmer.h"
#include "reconcile/stored_config.h"

namespace poolwright::reconcile {

struct ConsoleProgrammerParts {
  api::ObjectStore& store;
  pgbouncer::ConsoleFleet& fleet;
  const Clock& clock;
};

/// What became of the configurations of one pool since this process started.
struct ProgramTally {
  std::uint64_t reloads = 0;
  std::uint64_t refusals = 0;
  std::map<std::string, std::string> refused;  // pods that did not take the newest one, with the reason
};

class ConsoleProgrammer final : public PodProgrammer {
 public:
  explicit ConsoleProgrammer(const ConsoleProgrammerParts& parts) : parts_(parts) {}

  ProgramReport program(const Facts& facts, const render::Rendered& rendered, const CallLimits& limits) override;
  void watch(const Facts& facts) override;
  void recall(const Facts& facts, const StoredObjects& stored) override;
  void forget(const std::string& namespace_name, const std::string& pool_name) override;
  bool was_refused(const Facts& facts, const std::string& config_hash) const override;

  /// By "namespace/name".
  std::map<std::string, ProgramTally> tallies() const;
  /// Seconds that changed configurations took from being stored to being read back from every pod.
  Histogram apply_seconds() const;

 private:
  struct PoolState {
    std::set<std::string> pods;             // UIDs with an open console
    std::optional<StoredConfig> last_good;  // ran on every pod last; after a start the one that is stored
    std::string refused_hash;
    std::string refused_why;
    ProgramTally tally;
  };

  PodProgram program_pod(const PodFacts& pod, const api::ConnectionPool& pool, const std::string& config_hash,
                         const pgbouncer::ExpectedConfig& expected, const CallLimits& limits);
  void annotate(const PodFacts& pod, const api::ConnectionPool& pool, const api::Json& annotations,
                const CallLimits& limits);
  /// Opens the gates of the pods for which there is room.
  void let_in(const Facts& facts, const std::string& config_hash, const pgbouncer::ExpectedConfig& expected,
              ProgramReport& report, const CallLimits& limits);
  void put_back(const Facts& facts, const StoredConfig& good, const pgbouncer::ExpectedConfig& refused,
                const CallLimits& limits);
  static void count(ProgramTally& tally, const ProgramReport& report);
  void settle(const Facts& facts, const render::Rendered& rendered, const pgbouncer::ExpectedConfig& expected,
              const ProgramReport& report, const CallLimits& limits);

  ConsoleProgrammerParts parts_;
  mutable Mutex mutex_;
  Histogram apply_seconds_ PW_GUARDED_BY(mutex_) = make_histogram(latency_bounds());
  std::map<std::string, PoolState> pools_ PW_GUARDED_BY(mutex_);  // by "namespace/name"
};

}  // namespace poolwright::reconcile

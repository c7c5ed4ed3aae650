// The operator as a whole: its parts, its threads, and the order in which they start and stop.
// Thread rule: start, stop and the accessors from one thread (main).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/deadline.h"
#include "base/random.h"
#include "base/result.h"
#include "kube/config.h"
#include "kube/lease.h"
#include "reconcile/reconciler.h"
#include "run/record_files.h"
#include "run/watches.h"
#include "run/web.h"

namespace poolwright::run {

struct RunSettings {
  kube::ClusterConfig cluster;
  WatchScope scope;
  reconcile::ReconcilerSettings reconciler;
  bool leader_election = true;
  kube::LeaseOptions lease;
  std::string instance = "poolwright";  // who says what events say: the pod's name
  int workers = 4;                      // 1-64
  WebSettings web;
  RecordSettings record;
  std::string version;  // of the program, for /metrics
};

/// What the program needs from outside, so that a run can be replayed: all outlive the process object.
struct RunParts {
  const Clock& clock;
  Random& random;
};

class OperatorProcess {
 public:
  /// Invalid or Unauthorized where the credentials cannot be used.
  static Result<std::unique_ptr<OperatorProcess>> make(RunSettings settings, const RunParts& parts);
  ~OperatorProcess();
  OperatorProcess(const OperatorProcess&) = delete;
  OperatorProcess& operator=(const OperatorProcess&) = delete;

  /// Starts all threads and returns. Nothing is decided before the cache was filled once; an API server that does not
  /// answer is tried again and again. An error says why the web server cannot listen; then nothing was started.
  Status start();

  /// No new work, what is in flight finishes (within a limit), the lease is released, all threads end.
  void stop();

  bool is_leader() const;
  bool is_synced() const;

 private:
  struct Machine;
  explicit OperatorProcess(std::unique_ptr<Machine> machine);

  std::unique_ptr<Machine> machine_;
};

}  // namespace poolwright::run

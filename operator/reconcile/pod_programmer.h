// Brings a stored configuration to the running PgBouncers and proves that it took. The reconciler asks for it through
// this interface: over the admin consoles in production, over consoles of fakes in the simulation.
#pragma once

#include <string>
#include <vector>

#include "base/deadline.h"
#include "reconcile/facts.h"
#include "render/render.h"

namespace poolwright::reconcile {

/// What became of one pod.
struct PodProgram {
  std::string pod;
  std::string version;      // of PgBouncer, "" while unknown
  std::string config_hash;  // that was read back, "" while unknown
  std::string problem;      // why it does not run what is wanted, "" where it does
  bool refused = false;     // PgBouncer read the files and did not take them
  int reloads = 0;          // that were sent for it
  /// Runs what is wanted, holds no more connections than its share, and none to a server of before.
  bool is_settled = false;
};

struct ProgramReport {
  std::vector<PodProgram> pods;
  std::string config_hash;  // that was wanted
  /// Pods that wait at their gate until connections are free for them.
  std::vector<std::string> waiting;

  /// Every pod runs what is wanted.
  bool complete() const;
  /// Nothing is left to be seen: no pod waits, and none holds more than its share.
  bool settled() const;
  /// "2 of 3 pods run the current configuration; orders-pool-x: ...".
  std::string summary() const;
};

class PodProgrammer {
 public:
  virtual ~PodProgrammer() = default;

  /// Makes the pods that have an address and are not terminating run `rendered`. Blocks until all do or the limits end
  /// the wait; a pod that cannot be reached does not hold up the others.
  virtual ProgramReport program(const Facts& facts, const render::Rendered& rendered, const CallLimits& limits) = 0;

  /// Keeps consoles to exactly the pods that run: opens new ones, closes those of pods that terminate, at once.
  virtual void watch(const Facts& facts) = 0;

  /// Tells what is stored, before anything else is. An operator that has just started learns from it what the pods of a
  /// pool run, so that it can put it back should they refuse what it stores next.
  virtual void recall(const Facts& facts, const StoredObjects& stored) = 0;

  /// Whether a PgBouncer of this pool refused exactly this configuration. It is not stored again: the last good one is
  /// back in place.
  virtual bool was_refused(const Facts& facts, const std::string& config_hash) const = 0;

  /// The pool is gone: its consoles are closed.
  virtual void forget(const std::string& namespace_name, const std::string& pool_name) = 0;
};

}  // namespace poolwright::reconcile

// Counts what became of reconciles, under the names that dashboards of Kubernetes operators know.
// Thread rule: any thread.
#pragma once

#include "base/mutex.h"
#include "reconcile/reconciler.h"
#include "serve/operator_counters.h"

namespace poolwright::run {

class ReconcileBook {
 public:
  explicit ReconcileBook(int workers) { counters_.workers_max = workers; }

  void begun() PW_EXCLUDES(mutex_);
  /// `is_panic`: it ended in an exception.
  void ended(const Result<reconcile::Action>& result, double seconds, bool is_panic) PW_EXCLUDES(mutex_);
  serve::ReconcileCounters counters() const PW_EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_;
  serve::ReconcileCounters counters_ PW_GUARDED_BY(mutex_);
};

}  // namespace poolwright::run

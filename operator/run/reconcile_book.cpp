#include "run/reconcile_book.h"

namespace poolwright::run {

void ReconcileBook::begun() {
  const MutexLock lock(mutex_);
  ++counters_.active_workers;
}

void ReconcileBook::ended(const Result<reconcile::Action>& result, double seconds, bool is_panic) {
  const MutexLock lock(mutex_);
  --counters_.active_workers;
  observe(counters_.time_s, seconds);
  if (is_panic) ++counters_.panics;
  if (result) {
    ++(result->after ? counters_.requeue_after : counters_.success);
    return;
  }
  if (result.error().kind == ErrorKind::kCancelled) return;
  ++counters_.error;
  if (result.error().kind == ErrorKind::kInvalid) ++counters_.terminal_errors;
  if (result.error().kind == ErrorKind::kDeadlineExceeded) ++counters_.timeouts;
}

serve::ReconcileCounters ReconcileBook::counters() const {
  const MutexLock lock(mutex_);
  return counters_;
}

}  // namespace poolwright::run

// When the threads of a run moved on last, for the liveness probe. What others do, or do not do, is no part of it: an
// API server or a PostgreSQL that is away holds nobody up, since every wait has a deadline.
// Thread rule: take() by one thread. Everything passed in outlives it.
#pragma once

#include <memory>
#include <vector>

#include "base/pulse.h"
#include "kube/work_queue.h"
#include "postgres/io_thread.h"
#include "serve/snapshot.h"

namespace poolwright::run {

class Heartbeats {
 public:
  Heartbeats(postgres::IoThread& consoles, const kube::WorkQueue& queue, const Clock& clock)
      : consoles_(consoles), queue_(queue), clock_(clock), console_pulse_(std::make_shared<Pulse>(clock)) {}

  /// Of the thread of the consoles, and of the worker that has been at one pool for longest.
  std::vector<serve::Heartbeat> take();

 private:
  postgres::IoThread& consoles_;
  const kube::WorkQueue& queue_;
  const Clock& clock_;
  const std::shared_ptr<Pulse> console_pulse_;
};

}  // namespace poolwright::run

#include "serve/snapshot.h"

#include "base/check.h"

namespace poolwright::serve {

void Mailbox::publish(std::shared_ptr<const Snapshot> snapshot) {
  PW_CHECK(snapshot != nullptr);
  const MutexLock lock(mutex_);
  newest_ = std::move(snapshot);
}

std::shared_ptr<const Snapshot> Mailbox::snapshot() const {
  const MutexLock lock(mutex_);
  return newest_;
}

}  // namespace poolwright::serve

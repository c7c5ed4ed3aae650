#include "base/rest.h"

#include "base/mutex.h"

namespace poolwright {

void rest(Duration duration, const std::stop_token& stop) {
  if (duration <= Duration{0}) return;
  Mutex mutex;
  ConditionVariable never;
  MutexLock lock(mutex);
  never.wait_for(mutex, stop, duration, [] { return false; });
}

}  // namespace poolwright

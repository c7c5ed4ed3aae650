#include "kube/waiter.h"

#include <algorithm>

#include "base/mutex.h"

namespace poolwright::kube {

bool ThreadWaiter::wait(Duration time, const std::stop_token& stop) {
  std::mutex mutex;
  ConditionVariable ended;
  std::unique_lock lock(mutex);
  ended.wait_for(lock, stop, std::max(time, Duration{0}), [&] { return stop.stop_requested(); });
  return !stop.stop_requested();
}

}  // namespace poolwright::kube

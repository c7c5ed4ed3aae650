#include "kube/waiter.h"

#include "base/rest.h"

namespace poolwright::kube {

bool ThreadWaiter::wait(Duration time, const std::stop_token& stop) {
  rest(time, stop);
  return !stop.stop_requested();
}

}  // namespace poolwright::kube

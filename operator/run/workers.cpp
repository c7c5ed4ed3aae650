#include "run/workers.h"

#include <exception>
#include <string>
#include <utility>

#include "base/log.h"

namespace poolwright::run {

using kube::WorkKey;

namespace {

std::int64_t count_of(std::size_t count) { return static_cast<std::int64_t>(count); }

}  // namespace

void Workers::start(Look look, Await await) {
  look_ = std::move(look);
  await_ = std::move(await);
  for (int i = 0; i < settings_.count; ++i) {
    threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
  }
}

void Workers::stop() {
  queue_.shut_down();
  const std::stop_source never;
  const CallLimits drain{.deadline = Deadline(clock_, settings_.drain_limit), .stop = never.get_token()};
  if (!queue_.await_drained(drain)) log_warning("drain_incomplete", {{"in_flight", count_of(queue_.taken())}});
  cancel_.request_stop();
  threads_.clear();  // joins
}

void Workers::work(const std::stop_token& stop) {
  if (!await_(stop)) return;
  while (const auto key = queue_.take(stop)) {
    file(*key, look_at(*key));
    queue_.done(*key);
  }
}

Result<reconcile::Action> Workers::look_at(const WorkKey& key) {
  const CallLimits limits{.deadline = Deadline(clock_, kLookLimit), .stop = cancel_.get_token()};
  Result<reconcile::Action> result = make_error(ErrorKind::kInternal, "the look at the pool did not return");
  const MonotonicTime begin = clock_.now();
  bool is_panic = false;
  book_.begun();
  try {
    result = look_(key, limits);
  } catch (const std::exception& failure) {  // the barrier: one pool's bug must not stop the others
    is_panic = true;
    result = make_error(ErrorKind::kInternal, std::string("unexpected exception: ") + failure.what());
  }
  book_.ended(result, std::chrono::duration<double>(clock_.now() - begin).count(), is_panic);
  return result;
}

void Workers::file(const WorkKey& key, const Result<reconcile::Action>& result) {
  if (result) {
    queue_.forget(key);
    if (result->after) queue_.add_after(key, *result->after);
    return;
  }
  if (result.error().kind == ErrorKind::kCancelled) return;
  const Duration delay = queue_.add_failed(key, result.error());
  log_warning("reconcile_failed", {{"namespace", key.namespace_name},
                                   {"name", key.name},
                                   {"error", describe(result.error())},
                                   {"retry_ms", std::int64_t{delay.count()}}});
}

serve::WorkQueueCounters Workers::queue_counters() const {
  const kube::WorkQueueCounts line = queue_.counts();
  return {.depth = count_of(line.depth),
          .adds = line.adds,
          .retries = line.retries,
          .unfinished_s = line.unfinished_s,
          .longest_running_s = line.longest_running_s,
          .waited_s = line.waited_s,
          .worked_s = line.worked_s};
}

}  // namespace poolwright::run

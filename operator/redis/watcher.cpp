#include "redis/watcher.h"

#include <algorithm>
#include <exception>

#include "base/log.h"

namespace poolwright::redis {
namespace {

bool is_same(const ProbeTarget& a, const ProbeTarget& b) {
  return a.ca_pem == b.ca_pem && a.url.host == b.url.host && a.url.port == b.url.port && a.url.is_tls == b.url.is_tls &&
         a.url.user == b.url.user && a.url.password == b.url.password && a.url.database == b.url.database;
}

ProbeOutcome guarded_probe(const ProbeTarget& target, const Clock& clock, const CallLimits& limits) {
  try {
    return probe(target, clock, limits);
  } catch (const std::exception& exception) {
    log_error("redis_probe_failed", {{"address", address(target.url)}, {"error", exception.what()}});
    return {.problem = "Redis " + address(target.url) + ": the probe failed"};
  }
}

}  // namespace

Watcher::Watcher(const Clock& clock, Duration interval) : clock_(clock), interval_(interval) {
  for (int i = 0; i < kProbesInFlight; ++i) {
    threads_.emplace_back([this](const std::stop_token& stop) { run(stop); });
  }
}

Watcher::~Watcher() {
  for (std::jthread& thread : threads_) thread.request_stop();
}

void Watcher::watch(Targets targets) {
  while (targets.size() > kTargetsMax) targets.erase(std::prev(targets.end()));
  const MutexLock lock(mutex_);
  std::map<std::string, Item> items;
  for (auto& [id, target] : targets) {
    const auto known = items_.find(id);
    if (known != items_.end() && is_same(known->second.target, target)) {
      items.emplace(id, known->second);
    } else {
      items.emplace(id, Item{.target = std::move(target), .due = clock_.now(), .generation = ++generation_});
    }
  }
  items_ = std::move(items);
  auto outcomes = std::make_shared<Outcomes>(*outcomes_);
  std::erase_if(*outcomes, [this](const auto& entry) PW_REQUIRES(mutex_) { return !items_.contains(entry.first); });
  outcomes_ = std::move(outcomes);
  ++rounds_;
  changed_.notify_all();
}

std::shared_ptr<const Watcher::Outcomes> Watcher::outcomes() const {
  const MutexLock lock(mutex_);
  return outcomes_;
}

/// The id that is due first, unless somebody is at it.
std::optional<std::string> Watcher::next() {
  const auto found = std::min_element(items_.begin(), items_.end(), [](const auto& a, const auto& b) {
    return std::pair(a.second.is_running, a.second.due) < std::pair(b.second.is_running, b.second.due);
  });
  if (found == items_.end() || found->second.is_running) return std::nullopt;
  return found->first;
}

void Watcher::await_round(const std::stop_token& stop, Duration at_most) {
  const std::uint64_t seen = rounds_;
  changed_.wait_for(mutex_, stop, at_most, [this, seen]() PW_REQUIRES(mutex_) { return rounds_ != seen; });
}

void Watcher::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    std::string id;
    Item item;
    {
      const MutexLock lock(mutex_);
      const std::optional<std::string> first = next();
      const Duration wait = first ? std::chrono::ceil<Duration>(items_[*first].due - clock_.now()) : interval_;
      if (wait > Duration{0}) {
        await_round(stop, wait);
        continue;
      }
      items_[*first].is_running = true;
      id = *first;
      item = items_[id];
    }
    const CallLimits limits{.deadline = Deadline(clock_, kProbeLimit), .stop = stop};
    publish(id, item.generation, guarded_probe(item.target, clock_, limits));
  }
}

void Watcher::publish(const std::string& id, std::uint64_t generation, ProbeOutcome outcome) {
  const MutexLock lock(mutex_);
  const auto found = items_.find(id);
  // What was asked of a target of before says nothing about the present one.
  if (found == items_.end() || found->second.generation != generation) return;
  found->second.is_running = false;
  found->second.due = clock_.now() + interval_;
  auto outcomes = std::make_shared<Outcomes>(*outcomes_);
  outcomes->insert_or_assign(id, std::move(outcome));
  outcomes_ = std::move(outcomes);
}

}  // namespace poolwright::redis

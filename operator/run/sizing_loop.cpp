#include "run/sizing_loop.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "reconcile/requests.h"

namespace poolwright::run {

void SizingLoop::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void SizingLoop::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void SizingLoop::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const MonotonicTime began = parts_.clock.now();
    tick();
    pulse_.beat();
    MutexLock lock(mutex_);
    const auto rest = [&](Duration period) {
      return std::max(Duration{0}, period - std::chrono::floor<Duration>(parts_.clock.now() - began));
    };
    changed_.wait_for(mutex_, stop, rest(kPeriodMin), [] { return false; });
    changed_.wait_for(mutex_, stop, rest(kPeriod), [this]() PW_REQUIRES(mutex_) { return is_asked_; });
    is_asked_ = false;
  }
}

void SizingLoop::tick() {
  if (!parts_.may_decide()) {
    // Whoever leads meanwhile decides differently: what this process knows is worth nothing any more.
    if (std::exchange(was_deciding_, false)) {
      brain_ = SizingBrain(settings_.parameters);
      MutexLock lock(mutex_);
      outcomes_.clear();
      confirmations_.clear();
      login_answers_.clear();
    }
    return;
  }
  was_deciding_ = true;
  take_confirmations();
  const SizingOutcome outcome = brain_.decide(look());
  publish(outcome);
  for (const Reconnect& wanted : outcome.reconnects) reconnect(wanted);
}

void SizingLoop::take_confirmations() {
  std::vector<Confirmation> confirmations;
  std::vector<LoginAnswer> login_answers;
  {
    MutexLock lock(mutex_);
    confirmations.swap(confirmations_);
    login_answers.swap(login_answers_);
  }
  for (const LoginAnswer& answer : login_answers) brain_.logins_checked(answer.pool, answer.are_let_in, answer.at);
  for (const Confirmation& confirmation : confirmations) {
    for (const std::string& pod : confirmation.pods) brain_.confirm(confirmation.pool, pod, confirmation.serial);
    if (confirmation.is_refused) brain_.set_refused(confirmation.pool, true);
    if (confirmation.is_complete) brain_.set_refused(confirmation.pool, false);
  }
}

SizingWorld SizingLoop::look() {
  follow_pools(parts_.store, settings_.validation, known_);
  SizingWorld world;
  const reconcile::PodsByPool pods = reconcile::running_pods(parts_.store);
  const auto seen = parts_.fleet.observations();
  for (auto known = known_.begin(); known != known_.end();) {
    if (!known->second.pool) {
      ++known;
      continue;
    }
    PoolSighting sighting;
    sighting.facts.pool = *known->second.pool;
    sighting.is_deleted = known->second.is_gone;
    sighting.facts.pool.deleting = sighting.is_deleted;
    sighting.is_paused = reconcile::is_paused(*known->second.object);
    reconcile::gather_running(parts_.store, pods, sighting.facts);
    if (sighting.is_deleted && sighting.facts.pods.empty()) {
      known = known_.erase(known);
      continue;
    }
    for (const reconcile::PodFacts& pod : sighting.facts.pods) {
      const auto found = seen.find(pod.uid);
      if (found != seen.end()) sighting.seen.emplace(pod.uid, found->second);
    }
    world.pools.push_back(std::move(sighting));
    ++known;
  }
  world.servers = parts_.servers.by_observers();
  world.now = parts_.clock.now();
  world.wall_now = parts_.clock.wall_now();
  return world;
}

void SizingLoop::publish(const SizingOutcome& outcome) {
  std::set<PoolKey> news;
  {
    MutexLock lock(mutex_);
    outcomes_ = outcome.pools;
    for (const auto& [key, pool] : outcome.pools) {
      if (pool.is_news || asked_.contains(key)) news.insert(key);
    }
    for (const PoolKey& key : news) asked_.erase(key);
  }
  const auto before = parts_.mailbox.newest();
  const std::uint64_t told = before->changes.empty() ? 0 : before->changes.back().serial;
  for (const SizeChange& change : changes_since(outcome.snapshot->changes, told)) {
    log_info("pool_resized", {{"namespace", change.namespace_name},
                              {"name", change.pool},
                              {"database", change.database},
                              {"from", change.size_before},
                              {"to", change.size},
                              {"reason", change.reason},
                              {"why", change.text}});
  }
  parts_.mailbox.publish(outcome.snapshot);
  parts_.recorder.take(outcome.snapshot);
  for (const auto& [namespace_name, name] : news) parts_.look_at(namespace_name, name);
}

void SizingLoop::reconnect(const Reconnect& wanted) {
  const auto command = pgbouncer::Command::reconnect(wanted.database);
  if (!command) return;
  log_info("server_connections_renewed", {{"pod", wanted.pod}, {"database", wanted.database}});
  parts_.fleet.console(wanted.pod)
      ->run(*command, Deadline(parts_.clock, kCommandLimit), [wanted](const Result<postgres::Table>& answer) {
        if (answer) return;
        log_warning("server_connections_not_renewed", {{"pod", wanted.pod}, {"error", describe(answer.error())}});
      });
}

std::optional<reconcile::PoolAdvice> SizingLoop::advise(const reconcile::Facts& facts) {
  const PoolKey key{facts.pool.namespace_name, facts.pool.name};
  MutexLock lock(mutex_);
  const auto found = outcomes_.find(key);
  if (found != outcomes_.end() && found->second.generation == facts.pool.generation) return found->second.advice;
  asked_.insert(key);
  is_asked_ = true;
  changed_.notify_all();
  return std::nullopt;
}

void SizingLoop::logins_checked(const reconcile::Facts& facts, bool are_let_in) {
  const PoolKey key{facts.pool.namespace_name, facts.pool.name};
  log_info("logins_checked", {{"namespace", key.first}, {"name", key.second}, {"let_in", are_let_in}});
  const MutexLock lock(mutex_);
  login_answers_.push_back({.pool = key, .are_let_in = are_let_in, .at = parts_.clock.now()});
  is_asked_ = true;
  changed_.notify_all();
}

void SizingLoop::programmed(const reconcile::Facts& facts, const reconcile::ProgramReport& report) {
  Confirmation confirmation{.pool = {facts.pool.namespace_name, facts.pool.name}, .serial = facts.advice.serial};
  confirmation.is_complete = report.complete();
  for (const reconcile::PodProgram& pod : report.pods) {
    confirmation.is_refused = confirmation.is_refused || pod.refused;
    if (!pod.problem.empty()) continue;
    const auto known = std::find_if(facts.pods.begin(), facts.pods.end(),
                                    [&](const reconcile::PodFacts& one) { return one.name == pod.pod; });
    if (known != facts.pods.end()) confirmation.pods.push_back(known->uid);
  }
  MutexLock lock(mutex_);
  confirmations_.push_back(std::move(confirmation));
}

}  // namespace poolwright::run

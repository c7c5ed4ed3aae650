#include "run/sizing_loop.h"

#include <algorithm>
#include <utility>

#include "api/parse.h"
#include "base/log.h"
#include "reconcile/requests.h"
#include "render/credentials.h"

namespace poolwright::run {

namespace {

std::string ssl_mode(api::TlsMode mode) {
  switch (mode) {
    case api::TlsMode::kDisable:
      return "disable";
    case api::TlsMode::kPrefer:
      return "prefer";
    case api::TlsMode::kRequire:
      return "require";
    case api::TlsMode::kVerifyCa:
      return "verify-ca";
    case api::TlsMode::kVerifyFull:
      return "verify-full";
  }
  return "verify-full";
}

}  // namespace

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
    tick(stop);
    MutexLock lock(mutex_);
    const auto rest = [&](Duration period) {
      return std::max(Duration{0}, period - std::chrono::floor<Duration>(parts_.clock.now() - began));
    };
    changed_.wait_for(mutex_, stop, rest(kPeriodMin), [] { return false; });
    changed_.wait_for(mutex_, stop, rest(kPeriod), [this] { return is_asked_; });
    is_asked_ = false;
  }
}

void SizingLoop::tick(const std::stop_token& stop) {
  if (!parts_.may_decide()) {
    // Whoever leads meanwhile decides differently: what this process knows is worth nothing any more.
    if (std::exchange(was_deciding_, false)) {
      brain_ = SizingBrain(settings_.parameters);
      MutexLock lock(mutex_);
      outcomes_.clear();
      confirmations_.clear();
    }
    return;
  }
  was_deciding_ = true;
  take_confirmations();
  const SizingOutcome outcome = brain_.decide(look(stop));
  publish(outcome);
  for (const Reconnect& wanted : outcome.reconnects) reconnect(wanted);
}

void SizingLoop::take_confirmations() {
  std::vector<Confirmation> confirmations;
  {
    MutexLock lock(mutex_);
    confirmations.swap(confirmations_);
  }
  for (const Confirmation& confirmation : confirmations) {
    for (const std::string& pod : confirmation.pods) brain_.confirm(confirmation.pool, pod, confirmation.serial);
    if (confirmation.is_refused) brain_.set_refused(confirmation.pool, true);
    if (confirmation.is_complete) brain_.set_refused(confirmation.pool, false);
  }
}

/// Keeps the newest valid spec of each pool; one that is deleted stays until its last pod is gone.
void SizingLoop::follow_pools() {
  std::set<PoolKey> listed;
  for (const api::Object& object : parts_.store.cached_list(api::kKind, "")) {
    const PoolKey key{api::metadata_string(*object, "namespace"), api::metadata_string(*object, "name")};
    if (!api::metadata_string(*object, "deletionTimestamp").empty()) continue;
    listed.insert(key);
    Known& known = known_[key];
    const std::string version = api::metadata_string(*object, "resourceVersion");
    if (known.resource_version == version && !version.empty()) continue;
    known.resource_version = version;
    known.is_paused = reconcile::is_paused(*object);
    if (auto parsed = api::check_pool(*object, settings_.validation); parsed.pool) known.pool = std::move(parsed.pool);
  }
  for (auto& [key, known] : known_) {
    if (!listed.contains(key)) known.resource_version.clear();
    if (!listed.contains(key) && known.pool) known.pool->deleting = true;
  }
}

SizingWorld SizingLoop::look(const std::stop_token& stop) {
  follow_pools();
  SizingWorld world;
  const reconcile::PodsByPool pods = reconcile::running_pods(parts_.store, "");
  const auto seen = parts_.fleet.observations();
  for (auto known = known_.begin(); known != known_.end();) {
    if (!known->second.pool) {
      ++known;
      continue;
    }
    PoolSighting sighting;
    sighting.facts.pool = *known->second.pool;
    sighting.is_deleted = known->second.pool->deleting;
    sighting.is_paused = known->second.is_paused;
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
  follow_servers(world.pools, stop);
  world.servers = parts_.observer.observations();
  world.now = parts_.clock.now();
  world.wall_now = parts_.clock.wall_now();
  return world;
}

void SizingLoop::follow_servers(const std::vector<PoolSighting>& pools, const std::stop_token& stop) {
  std::set<std::string> wanted;
  for (const PoolSighting& pool : pools) {
    if (!pool.facts.pool.spec.postgres.observer_secret_ref || pool.is_deleted) continue;
    const std::string server = server_name(pool.facts.pool);
    // Of several pools with an observer for one server, the first.
    if (wanted.insert(server).second) observe(server, pool.facts.pool, stop);
  }
  for (auto entry = observed_.begin(); entry != observed_.end();) {
    if (wanted.contains(entry->first)) {
      ++entry;
      continue;
    }
    parts_.observer.remove_server(entry->first);
    entry = observed_.erase(entry);
  }
}

void SizingLoop::observe(const std::string& server, const api::ConnectionPool& pool, const std::stop_token& stop) {
  Observed& observed = observed_[server];
  const MonotonicTime now = parts_.clock.now();
  const std::string& name = pool.spec.postgres.observer_secret_ref->name;
  const std::string id = pool.namespace_name + "/" + name;
  if (observed.secret == id && observed.read_at && now - *observed.read_at < kLoginPeriod) return;
  observed.read_at = now;
  observed.secret = id;
  const CallLimits limits{.deadline = Deadline(parts_.clock, kSecretLimit), .stop = stop};
  const auto secret = parts_.secrets.read(
      {.api_version = "v1", .kind = "Secret", .namespace_name = pool.namespace_name, .name = name}, limits);
  auto login = secret ? render::read_credentials(*secret) : Result<render::Credentials>(secret.error());
  if (!login) {
    log_warning("observer_login_not_read", {{"secret", id}, {"error", describe(login.error())}});
    return;
  }
  parts_.observer.set_server(server, {.host = pool.spec.postgres.host,
                                      .port = static_cast<std::uint16_t>(pool.spec.postgres.port),
                                      .database = api::server_database(pool.spec.databases.front()),
                                      .login = {.user = login->username, .password = login->password},
                                      .tls = {.mode = ssl_mode(pool.spec.postgres.tls.mode)}});
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
  for (const SizeChange& change : outcome.snapshot->changes) {
    if (change.serial <= told) continue;
    log_info("pool_resized", {{"namespace", change.namespace_name},
                              {"name", change.pool},
                              {"database", change.database},
                              {"from", change.size_before},
                              {"to", change.size},
                              {"reason", change.reason},
                              {"why", change.text}});
  }
  parts_.mailbox.publish(outcome.snapshot);
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

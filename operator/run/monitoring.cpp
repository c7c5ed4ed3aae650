#include "run/monitoring.h"

#include <algorithm>
#include <exception>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "api/parse.h"
#include "base/log.h"
#include "health/report_text.h"
#include "render/names.h"
#include "render/render.h"

namespace poolwright::run {

namespace {

using api::Json;

std::string text_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::string label_of(const Json& object, const char* label) {
  const Json::json_pointer path = Json::json_pointer("/metadata/labels") / label;
  return object.contains(path) && object.at(path).is_string() ? object.at(path).get<std::string>() : std::string();
}

bool has_ended(const Json& pod) {
  const Json::json_pointer path("/status/phase");
  if (!pod.contains(path) || !pod.at(path).is_string()) return false;
  const std::string phase = pod.at(path).get<std::string>();
  return phase == "Succeeded" || phase == "Failed";
}

std::string id_of(const Json& object) {
  return pool_id(api::metadata_string(object, "namespace"), api::metadata_string(object, "name"));
}

}  // namespace

Monitoring::Monitoring(const MonitoringParts& parts)
    : parts_(parts),
      servers_(parts.io_thread, parts.clock, parts.random, {.interval = kServerInterval}),
      redis_(parts.clock, kRedisInterval) {}

Monitoring::~Monitoring() { stop(); }

void Monitoring::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Monitoring::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

void Monitoring::run(const std::stop_token& stop) {
  Mutex mutex;
  ConditionVariable changed;
  while (!stop.stop_requested()) {
    const MonotonicTime next = parts_.clock.now() + kTick;
    try {
      tick();
    } catch (const std::exception& failure) {  // the barrier: the next second may be better
      log_error("monitoring_failed", {{"error", failure.what()}});
    }
    const MutexLock lock(mutex);
    const auto left = std::chrono::ceil<Duration>(next - parts_.clock.now());
    changed.wait_for(mutex, stop, std::clamp(left, Duration{1}, kTick), [] { return false; });
  }
}

void Monitoring::tick() {
  const std::map<std::string, api::Object> objects = read_pools();
  follow_targets();
  const std::vector<PoolView> pools = look(objects);
  auto snapshot = std::make_shared<serve::Snapshot>();
  snapshot->report = monitor_.update(observe(pools));
  snapshot->counters = count();
  snapshot->readiness = parts_.readiness();
  const std::shared_ptr<const health::Report> report = snapshot->report;
  parts_.mailbox.publish(std::move(snapshot));
  forget_gone(pools);
  if (!parts_.tells()) return;
  for (const api::EventNote& note : events_.update(*report, objects)) parts_.store.note(note);
  write_blocks(*report);
}

std::map<std::string, api::Object> Monitoring::read_pools() {
  std::map<std::string, api::Object> objects;
  for (const api::Object& object : parts_.store.cached_list(api::kKind, "")) {
    if (!api::metadata_string(*object, "deletionTimestamp").empty()) continue;
    const std::string id = id_of(*object);
    objects.emplace(id, object);
    const std::string version = api::metadata_string(*object, "resourceVersion");
    Known& known = known_[id];
    if (known.pool && !version.empty() && known.resource_version == version) continue;
    known.resource_version = version;
    api::Parsed parsed = api::parse_pool(*object);
    // Of a resource that became invalid the last good state goes on being served, and being watched.
    if (parsed.pool) known.pool = std::make_shared<const api::ConnectionPool>(*std::move(parsed.pool));
  }
  std::erase_if(known_, [&](const auto& entry) { return !objects.contains(entry.first); });
  return objects;
}

/// One connection to each server, by the best login that a pool on it gives; one probe of each Redis.
void Monitoring::follow_targets() {
  const std::uint64_t generation = parts_.watch.generation();
  if (generation == targets_generation_) return;
  targets_generation_ = generation;
  std::map<std::string, std::shared_ptr<const WatchTargets>> wanted;
  redis::Watcher::Targets redis;
  for (const auto& [id, targets] : parts_.watch.pools()) {
    if (targets->redis) redis.emplace(id, *targets->redis);
    if (!targets->server) continue;
    api::Postgres postgres;
    postgres.host = targets->server->host;
    postgres.port = targets->server->port;
    auto& best = wanted[server_id(postgres)];
    if (!best || (targets->has_observer && !best->has_observer)) best = targets;
  }
  for (const auto& [id, targets] : wanted) servers_.set_server(id, *targets->server);
  for (const auto& [id, targets] : watched_servers_) {
    if (!wanted.contains(id)) servers_.remove_server(id);
  }
  watched_servers_ = std::move(wanted);
  redis_.watch(std::move(redis));
}

std::vector<PodView> Monitoring::pods_of(const api::ConnectionPool& pool, const reconcile::ProgramTally* tally,
                                         const std::vector<api::Object>& pods) {
  const std::string label = render::pool_label(pool.name);
  std::vector<PodView> views;
  for (const api::Object& pod : pods) {
    if (label_of(*pod, render::kPoolLabel) != label || has_ended(*pod)) continue;
    const std::string uid = api::metadata_string(*pod, "uid");
    PodView view{.name = api::metadata_string(*pod, "name"),
                 .is_terminating = !api::metadata_string(*pod, "deletionTimestamp").empty(),
                 .first_seen = first_seen_.emplace(uid, parts_.clock.now()).first->second,
                 .seen = parts_.fleet.observation(uid),
                 .refusal = {}};
    if (tally != nullptr) {
      const auto refused = tally->refused.find(view.name);
      if (refused != tally->refused.end()) view.refusal = refused->second;
    }
    views.push_back(std::move(view));
  }
  return views;
}

std::vector<PoolView> Monitoring::look(const std::map<std::string, api::Object>& objects) {
  const auto tallies = parts_.programmer.tallies();
  const auto targets = parts_.watch.pools();
  const auto redis = redis_.outcomes();
  std::map<std::string, std::vector<api::Object>> pods;  // by namespace
  for (const api::Object& pod : parts_.store.cached_list("Pod", "")) {
    pods[api::metadata_string(*pod, "namespace")].push_back(pod);
  }
  std::vector<PoolView> views;
  for (const auto& [id, known] : known_) {
    if (!known.pool) continue;
    PoolView view{.pool = known.pool, .status = objects.at(id)->value("status", Json::object())};
    const api::Object config = parts_.store.cached({.api_version = "v1",
                                                    .kind = "ConfigMap",
                                                    .namespace_name = known.pool->namespace_name,
                                                    .name = render::pool_object_name(known.pool->name)});
    if (config) {
      view.config_hash = api::annotation(*config, render::kConfigHashAnnotation);
      view.sizes = render::recorded_sizes(*config);
    }
    const auto tally = tallies.find(id);
    view.pods =
        pods_of(*known.pool, tally == tallies.end() ? nullptr : &tally->second, pods[known.pool->namespace_name]);
    if (const auto outcome = redis->find(id); outcome != redis->end()) view.redis = outcome->second;
    if (const auto target = targets.find(id); target != targets.end())
      view.redis_problem = target->second->redis_problem;
    views.push_back(std::move(view));
  }
  return views;
}

health::Observations Monitoring::observe(const std::vector<PoolView>& pools) {
  const ServerViews servers = servers_.observations();
  health::Observations all{.now = parts_.clock.now(), .wall_now = parts_.clock.wall_now()};
  for (const PoolView& pool : pools) all.pools.push_back(view_of(pool, servers));
  all.servers = servers_of(pools, servers);
  sizing_.add(all, *parts_.sizing.newest());
  return all;
}

serve::OperatorCounters Monitoring::count() const {
  serve::OperatorCounters counters = parts_.counters();
  for (const auto& [id, tally] : parts_.programmer.tallies()) {
    const std::size_t slash = id.find('/');
    serve::PoolCounters& pool = counters.pools[{id.substr(0, slash), id.substr(slash + 1)}];
    pool.reloads = tally.reloads;
    pool.reload_failures = tally.refusals;
  }
  counters.apply_seconds = parts_.programmer.apply_seconds();
  if (auto process = serve::read_process_counters()) counters.process = *process;
  return counters;
}

void Monitoring::write_blocks(const health::Report& report) {
  const MonotonicTime now = report.observed.now;
  std::map<std::string, const health::PoolStatistics*> statistics;
  for (const health::PoolStatistics& pool : report.stats.pools) {
    statistics.emplace(pool_id(pool.namespace_name, pool.name), &pool);
  }
  for (const health::PoolObservation& pool : report.observed.pools) {
    const std::string id = pool_id(pool.namespace_name, pool.name);
    Told& told = told_[id];
    if (!told.is_started) {
      // What was detected is told once there is something to tell of.
      if (pool.wanted_config_hash.empty()) continue;
      told = {.is_started = true, .next = now + pool.interval};
      log_block(LogLevel::kInfo, "pool_configuration", health::start_block(pool),
                text_of(health::start_block_json(pool)));
      continue;
    }
    told.next = std::min(told.next, now + pool.interval);  // the interval may have become shorter
    if (now < told.next) continue;
    told.next = std::max(told.next + pool.interval, now);
    const health::PoolStatistics& numbers = *statistics.at(id);
    log_block(LogLevel::kInfo, "pool_metrics", health::metrics_block(report, numbers),
              text_of(health::metrics_block_json(report, numbers)));
  }
}

void Monitoring::forget_gone(const std::vector<PoolView>& pools) {
  std::erase_if(told_, [this](const auto& entry) { return !known_.contains(entry.first); });
  if (first_seen_.size() < 64) return;
  std::set<std::string> there;
  for (const api::Object& pod : parts_.store.cached_list("Pod", "")) there.insert(api::metadata_string(*pod, "uid"));
  if (first_seen_.size() < 2 * std::max(there.size(), pools.size())) return;
  std::erase_if(first_seen_, [&](const auto& entry) { return !there.contains(entry.first); });
}

}  // namespace poolwright::run

#include "run/monitoring.h"

#include <algorithm>
#include <exception>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "base/log.h"
#include "health/report_text.h"
#include "reconcile/gather.h"
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

}  // namespace

Monitoring::Monitoring(const MonitoringParts& parts) : parts_(parts), redis_(parts.clock, kRedisInterval) {}

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
  follow_pools(parts_.store, parts_.validation, known_);
  std::erase_if(known_, [](const auto& entry) { return entry.second.is_gone; });
  parts_.servers.follow();
  follow_failovers();
  follow_redis();
  const std::vector<PoolView> pools = look();
  forget_gone(pools);
  auto snapshot = std::make_shared<serve::Snapshot>();
  snapshot->taken_at = parts_.clock.now();
  snapshot->report = monitor_.update(observe(pools));
  snapshot->counters = count();
  snapshot->readiness = parts_.readiness();
  snapshot->heartbeats = parts_.heartbeats();
  const std::shared_ptr<const health::Report> report = snapshot->report;
  parts_.mailbox.publish(std::move(snapshot));
  if (!parts_.tells()) return;
  for (const api::EventNote& note : events_.update(*report, known_)) parts_.store.note(note);
  write_blocks(*report);
}

/// Pools of a server that was restarted or replaced have connections to the one that was there before.
void Monitoring::follow_failovers() {
  const std::set<std::string> news = parts_.failovers.update(parts_.servers.all(), parts_.clock.wall_now());
  if (news.empty()) return;
  for (const auto& [id, known] : known_) {
    const bool is_concerned = known.pool && news.contains(server_name(*known.pool));
    if (is_concerned) parts_.look_at(known.pool->namespace_name, known.pool->name);
  }
}

void Monitoring::follow_redis() {
  const std::uint64_t generation = parts_.watch.generation();
  if (generation == std::exchange(targets_generation_, generation)) return;
  redis::Watcher::Targets redis;
  for (const auto& [id, targets] : parts_.watch.pools()) {
    if (targets->redis) redis.emplace(id, *targets->redis);
  }
  redis_.watch(std::move(redis));
}

std::vector<PodView> Monitoring::pods_of(const api::ConnectionPool& pool, const reconcile::ProgramTally* tally,
                                         const std::vector<api::Object>& pods) {
  const std::string label = render::pool_label(pool.name);
  std::vector<PodView> views;
  for (const api::Object& pod : pods) {
    if (label_of(*pod, render::kPoolLabel) != label || reconcile::has_ended(*pod)) continue;
    const std::string uid = api::metadata_string(*pod, "uid");
    const bool is_at_gate = reconcile::is_at_gate(*pod);
    MonotonicTime& first_seen = first_seen_.emplace(uid, parts_.clock.now()).first->second;
    if (is_at_gate) first_seen = parts_.clock.now();
    PodView view{.name = api::metadata_string(*pod, "name"),
                 .is_terminating = !api::metadata_string(*pod, "deletionTimestamp").empty(),
                 .is_at_gate = is_at_gate,
                 .first_seen = first_seen,
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

std::vector<PoolView> Monitoring::look() {
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
    PoolView view{.pool = known.pool, .status = known.object->value("status", Json::object())};
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
  const ServerViews servers = parts_.servers.all();
  health::Observations all{.now = parts_.clock.now(), .wall_now = parts_.clock.wall_now()};
  for (const PoolView& pool : pools) all.pools.push_back(view_of(pool, servers));
  all.servers = servers_of(pools, servers);
  sizing_.add(all, *parts_.sizing.newest());
  for (const health::Decision& decision : all.decisions) {
    serve::PoolCounters& pool = resized_[{decision.namespace_name, decision.pool}];
    ++(decision.size > decision.size_before ? pool.resizes_up : pool.resizes_down);
  }
  return all;
}

serve::OperatorCounters Monitoring::count() const {
  serve::OperatorCounters counters = parts_.counters();
  for (const auto& [key, pool] : resized_) {
    counters.pools[key].resizes_up = pool.resizes_up;
    counters.pools[key].resizes_down = pool.resizes_down;
  }
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
  std::erase_if(resized_,
                [this](const auto& entry) { return !known_.contains(pool_id(entry.first.first, entry.first.second)); });
  if (first_seen_.size() < 64) return;
  std::set<std::string> there;
  for (const api::Object& pod : parts_.store.cached_list("Pod", "")) there.insert(api::metadata_string(*pod, "uid"));
  if (first_seen_.size() < 2 * std::max(there.size(), pools.size())) return;
  std::erase_if(first_seen_, [&](const auto& entry) { return !there.contains(entry.first); });
}

}  // namespace poolwright::run

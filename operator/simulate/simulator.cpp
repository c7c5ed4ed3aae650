#include "simulate/simulator.h"

#include <algorithm>
#include <cmath>
#include <queue>
#include <random>

#include "simulate/pooler.h"
#include "sizing/estimator.h"

namespace poolwright::simulate {
namespace {

constexpr double kNever = 1e18;
constexpr double kLoginRetrySeconds = 15.0;
constexpr double kLeakAgeSeconds = 30.0;
constexpr double kJanitorPeriodSeconds = 0.333;

enum class EventKind { kArrival, kPauseOver, kLogin, kSecond, kSetting, kClients, kLoginRetry, kJanitor };

struct Event {
  double time_s = 0;
  std::uint64_t order = 0;
  EventKind kind = EventKind::kSecond;
  /// Pool, transaction or pooler, by kind.
  std::size_t subject = 0;
  friend bool operator>(const Event& a, const Event& b) {
    return a.time_s != b.time_s ? a.time_s > b.time_s : a.order > b.order;
  }
};

/// A statement in the server, by the virtual time at which its work is done.
struct Running {
  double virtual_end = 0;
  std::uint64_t order = 0;
  std::size_t transaction = 0;
  friend bool operator>(const Running& a, const Running& b) {
    return a.virtual_end != b.virtual_end ? a.virtual_end > b.virtual_end : a.order > b.order;
  }
};

template <typename T>
using EarliestFirst = std::priority_queue<T, std::vector<T>, std::greater<>>;

/// Distributions by hand: those of the standard library differ between implementations.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}
  double uniform() { return static_cast<double>(engine_() >> 11U) * 0x1.0p-53; }
  double exponential(double mean) { return -std::log1p(-uniform()) * mean; }
  int below(int limit) { return std::min(limit - 1, static_cast<int>(uniform() * limit)); }

 private:
  std::mt19937_64 engine_;
};

class Simulator {
 public:
  Simulator(const Scenario& scenario, std::vector<int> initial, SizePolicy& policy, const SimulatorOptions& options)
      : scenario_(scenario), policy_(policy), options_(options), dice_(options.seed), sizes_(std::move(initial)) {
    outcome_.duration_s = scenario.duration_s;
    for (std::size_t pool = 0; pool < scenario.workloads.size(); ++pool) {
      first_pooler_.push_back(poolers_.size());
      for (int pod = 0; pod < scenario.workloads[pool].pods; ++pod) {
        Pooler pooler;
        pooler.size = sizes_[pool];
        poolers_.push_back(std::move(pooler));
        pool_of_pooler_.push_back(pool);
      }
      outcome_.pools.push_back({.name = scenario.workloads[pool].name});
      estimators_.emplace_back(sizing::EstimatorParameters{});
      wanted_clients_.push_back(0);
      clients_.push_back(0);
      schedule(0.0, EventKind::kClients, pool);
    }
    schedule(1.0, EventKind::kSecond, 0);
    if (options.is_shrink_lazy) schedule(kJanitorPeriodSeconds, EventKind::kJanitor, 0);
  }

  Outcome run() {
    while (true) {
      const double server_s = running_.empty() ? kNever : now_s_ + (running_.top().virtual_end - virtual_s_) / speed_;
      const double time_s = std::min(server_s, events_.top().time_s);
      if (time_s > scenario_.duration_s) return std::move(outcome_);
      if (!running_.empty()) virtual_s_ += (time_s - now_s_) * speed_;
      now_s_ = time_s;
      if (server_s < events_.top().time_s) {
        finish_statement();
      } else {
        const Event event = events_.top();
        events_.pop();
        on_event(event);
      }
    }
  }

 private:
  void schedule(double time_s, EventKind kind, std::size_t subject) {
    events_.push({.time_s = time_s, .order = ++order_, .kind = kind, .subject = subject});
  }

  void on_event(const Event& event) {
    switch (event.kind) {
      case EventKind::kArrival:
        return arrive(event.subject);
      case EventKind::kPauseOver:
        return end_transaction(event.subject);
      case EventKind::kLogin:
        return log_in(event.subject);
      case EventKind::kSecond:
        return second();
      case EventKind::kSetting:
        return apply_setting(event.subject);
      case EventKind::kClients:
        return set_clients(event.subject);
      case EventKind::kLoginRetry:
        return start_login(event.subject);
      case EventKind::kJanitor:
        for (Pooler& pooler : poolers_) pooler.trim();
        return schedule(now_s_ + kJanitorPeriodSeconds, EventKind::kJanitor, 0);
    }
  }

  // The server.

  void set_speed() {
    const auto n = static_cast<double>(running_.size());
    const ServerModel& server = scenario_.server;
    speed_ = n <= 1.0 ? 1.0 : 1.0 / (1.0 + server.contention * (n - 1.0) + server.coherence * n * (n - 1.0));
  }

  void finish_statement() {
    const std::size_t id = running_.top().transaction;
    running_.pop();
    set_speed();
    const Transaction& transaction = transactions_[id];
    const double pause_s = transaction.lock_s + transaction.gap_s + transaction.leak_s;
    if (transaction.leak_s > 0.0) {
      pooler_of(transaction).leaks.push_back({.from_s = now_s_, .until_s = now_s_ + pause_s, .transaction = id});
    }
    schedule(now_s_ + pause_s, EventKind::kPauseOver, id);
  }

  // PgBouncer.

  std::size_t pooler_index(const Transaction& transaction) const {
    return first_pooler_[static_cast<std::size_t>(transaction.pool)] + static_cast<std::size_t>(transaction.pod);
  }
  Pooler& pooler_of(const Transaction& transaction) { return poolers_[pooler_index(transaction)]; }

  void start(Pooler& pooler, std::size_t id) {
    Transaction& transaction = transactions_[id];
    ++pooler.active;
    transaction.started_s = now_s_;
    const double waited_s = now_s_ - transaction.arrived_s;
    pooler.counters.wait_time_us += waited_s * 1e6;
    outcome_.pools[static_cast<std::size_t>(transaction.pool)].waits_s.push_back(waited_s);
    running_.push({.virtual_end = virtual_s_ + transaction.work_s, .order = ++order_, .transaction = id});
    set_speed();
  }

  void start_queued(Pooler& pooler) {
    const std::size_t id = pooler.queue.front();
    pooler.queue.pop_front();
    start(pooler, id);
  }

  void start_login(std::size_t index) {
    Pooler& pooler = poolers_[index];
    if (!pooler.may_log_in(now_s_)) return;
    pooler.logging_in = 1;
    schedule(now_s_ + options_.login_s, EventKind::kLogin, index);
  }

  void log_in(std::size_t index) {
    Pooler& pooler = poolers_[index];
    pooler.logging_in = 0;
    if (total_held() + 1 > scenario_.server.max_connections) {
      ++outcome_.rejected_logins;
      pooler.retry_at_s = now_s_ + kLoginRetrySeconds;
      schedule(pooler.retry_at_s, EventKind::kLoginRetry, index);
      return;
    }
    if (pooler.idle() + pooler.active >= pooler.size) return;
    pooler.idle_since_s.push_back(now_s_);
    while (!pooler.queue.empty() && pooler.idle() > 0) {
      pooler.idle_since_s.pop_back();
      start_queued(pooler);
    }
    start_login(index);
  }

  void release(std::size_t index) {
    Pooler& pooler = poolers_[index];
    --pooler.active;
    const bool is_over = pooler.held() + 1 > pooler.size;
    if (is_over && !options_.is_shrink_lazy) {
      start_login(index);
    } else if (!pooler.queue.empty()) {
      start_queued(pooler);
    } else {
      pooler.idle_since_s.push_back(now_s_);
    }
  }

  void apply_setting(std::size_t index) {
    Pooler& pooler = poolers_[index];
    pooler.size = pooler.pending.front();
    pooler.pending.pop_front();
    pooler.trim();
    start_login(index);
  }

  int total_held() const {
    int sum = 0;
    for (const Pooler& pooler : poolers_) sum += pooler.held();
    return sum;
  }

  // Clients.

  void arrive(std::size_t pool) {
    if (clients_[pool] > wanted_clients_[pool]) {
      --clients_[pool];
      return;
    }
    const std::size_t id = new_transaction(pool);
    const std::size_t index = pooler_index(transactions_[id]);
    Pooler& pooler = poolers_[index];
    if (pooler.idle() > 0) {
      pooler.idle_since_s.pop_back();
      start(pooler, id);
      return;
    }
    pooler.queue.push_back(id);
    start_login(index);
  }

  std::size_t new_transaction(std::size_t pool) {
    const Workload& workload = scenario_.workloads[pool];
    Transaction transaction;
    transaction.pool = static_cast<int>(pool);
    transaction.arrived_s = now_s_;
    transaction.work_s = dice_.exponential(workload.work_s);
    transaction.gap_s = dice_.exponential(workload.gap_s);
    const SlowPart slow = workload.slow(now_s_);
    if (slow.probability > 0.0 && dice_.uniform() < slow.probability) {
      transaction.work_s += dice_.exponential(slow.work_s);
      transaction.lock_s = dice_.exponential(slow.lock_s);
    }
    const LeakPart leak = workload.leak(now_s_);
    if (leak.probability > 0.0 && dice_.uniform() < leak.probability)
      transaction.leak_s = dice_.exponential(leak.hold_s);
    transaction.pod = workload.pods > 1 ? dice_.below(workload.pods) : 0;
    if (free_transactions_.empty()) {
      transactions_.push_back(transaction);
      return transactions_.size() - 1;
    }
    const std::size_t id = free_transactions_.back();
    free_transactions_.pop_back();
    transactions_[id] = transaction;
    return id;
  }

  void end_transaction(std::size_t id) {
    const Transaction transaction = transactions_[id];
    free_transactions_.push_back(id);
    if (transaction.is_ended_by_us) return;
    pooler_of(transaction).count(transaction, now_s_);
    const auto pool = static_cast<std::size_t>(transaction.pool);
    ++outcome_.pools[pool].transactions;
    outcome_.pools[pool].responses_s.push_back(now_s_ - transaction.arrived_s - transaction.leak_s);
    release(pooler_index(transaction));
    think(pool);
  }

  void think(std::size_t pool) {
    if (clients_[pool] > wanted_clients_[pool]) {
      --clients_[pool];
      return;
    }
    schedule(now_s_ + dice_.exponential(scenario_.workloads[pool].think_s), EventKind::kArrival, pool);
  }

  void set_clients(std::size_t pool) {
    wanted_clients_[pool] = static_cast<int>(scenario_.workloads[pool].clients(now_s_));
    while (clients_[pool] < wanted_clients_[pool]) {
      ++clients_[pool];
      schedule(now_s_ + dice_.exponential(scenario_.workloads[pool].think_s), EventKind::kArrival, pool);
    }
    schedule(now_s_ + 1.0, EventKind::kClients, pool);
  }

  // Once a second: measure, let the policy decide, send the settings.

  void second() {
    for (Pooler& pooler : poolers_) pooler.expire(now_s_, options_.idle_timeout_s);
    for (std::size_t i = 0; i < poolers_.size(); ++i) end_leaks(i);
    const sizing::ServerInput input = observe();
    account(input);
    if (options_.on_observation) options_.on_observation(input);
    const std::vector<int> wanted = policy_.decide(input);
    if (policy_.is_saturated()) ++outcome_.seconds_saturated;
    for (std::size_t pool = 0; pool < wanted.size(); ++pool) {
      if (wanted[pool] != sizes_[pool]) send(pool, wanted[pool]);
    }
    schedule(now_s_ + 1.0, EventKind::kSecond, 0);
  }

  void send(std::size_t pool, int size) {
    ++outcome_.resizes;
    sizes_[pool] = size;
    const auto pods = static_cast<std::size_t>(scenario_.workloads[pool].pods);
    for (std::size_t index = first_pooler_[pool]; index < first_pooler_[pool] + pods; ++index) {
      poolers_[index].pending.push_back(size);
      schedule(now_s_ + options_.apply_s * (0.6 + 0.8 * dice_.uniform()), EventKind::kSetting, index);
    }
  }

  void end_leaks(std::size_t index) {
    Pooler& pooler = poolers_[index];
    std::erase_if(pooler.leaks, [&](const IdleSpan& span) { return span.until_s <= now_s_; });
    if (options_.terminate_leaks_after_s <= 0.0) return;
    const double before_s = now_s_ - options_.terminate_leaks_after_s;
    for (const IdleSpan& span : pooler.leaks) {
      if (span.from_s > before_s) continue;
      transactions_[span.transaction].is_ended_by_us = true;
      release(index);
      think(pool_of_pooler_[index]);
    }
    std::erase_if(pooler.leaks, [&](const IdleSpan& span) { return span.from_s <= before_s; });
  }

  sizing::ServerInput observe() const {
    sizing::ServerInput input;
    input.time_s = now_s_;
    input.budget = scenario_.budget;
    for (std::size_t i = 0; i < scenario_.workloads.size(); ++i) {
      const Workload& workload = scenario_.workloads[i];
      sizing::PoolInput pool;
      pool.id = workload.name;
      pool.limits = workload.limits;
      pool.weight = workload.weight;
      pool.pods = workload.pods;
      pool.size = sizes_[i];
      for (int pod = 0; pod < workload.pods; ++pod) {
        const Pooler& pooler = poolers_[first_pooler_[i] + static_cast<std::size_t>(pod)];
        const double oldest_s = pooler.queue.empty() ? now_s_ : transactions_[pooler.queue.front()].arrived_s;
        pool.pod_inputs.push_back({.name = workload.name + "-" + std::to_string(pod),
                                   .observation = pooler.observe(now_s_, oldest_s),
                                   .ceiling = pooler.ceiling()});
        pool.leaked +=
            static_cast<int>(std::count_if(pooler.leaks.begin(), pooler.leaks.end(), [&](const IdleSpan& span) {
              return span.from_s <= now_s_ - kLeakAgeSeconds;
            }));
      }
      input.pools.push_back(std::move(pool));
    }
    return input;
  }

  void account(const sizing::ServerInput& input) {
    TracePoint point{.time_s = now_s_, .pools = {}};
    int held_total = 0;
    int allocated_total = 0;
    bool is_leaking = false;
    for (std::size_t i = 0; i < input.pools.size(); ++i) {
      PoolTrace trace;
      for (const sizing::PodInput& pod : input.pools[i].pod_inputs) {
        const sizing::PodObservation& seen = *pod.observation;
        trace.active += seen.gauges.sv_active;
        trace.waiting += seen.gauges.cl_waiting;
        trace.size += seen.pool_size;
        trace.held += held(seen.gauges);
        allocated_total += std::max(seen.pool_size, held(seen.gauges));
      }
      estimators_[i].observe(now_s_, input.pools[i]);
      trace.demand = estimators_[i].demand().load;
      held_total += trace.held;
      outcome_.pools[i].held_sum += trace.held;
      is_leaking |= input.pools[i].leaked > 0;
      point.pools.push_back(trace);
    }
    outcome_.held_sum += held_total;
    outcome_.allocated_sum += allocated_total;
    if (held_total > scenario_.budget) ++outcome_.seconds_over_budget;
    if (allocated_total > scenario_.budget) ++outcome_.seconds_allocated_over_budget;
    if (is_leaking) ++outcome_.seconds_leaking;
    outcome_.trace.push_back(std::move(point));
  }

  const Scenario& scenario_;
  SizePolicy& policy_;
  const SimulatorOptions& options_;
  Dice dice_;
  Outcome outcome_;

  double now_s_ = 0;
  std::uint64_t order_ = 0;
  EarliestFirst<Event> events_;
  // Processor sharing: every running statement advances `speed_` seconds of its work per second.
  double virtual_s_ = 0;
  double speed_ = 1;
  EarliestFirst<Running> running_;

  std::vector<Transaction> transactions_;
  std::vector<std::size_t> free_transactions_;
  std::vector<Pooler> poolers_;
  std::vector<std::size_t> first_pooler_;  // of each pool
  std::vector<std::size_t> pool_of_pooler_;
  std::vector<int> wanted_clients_;
  std::vector<int> clients_;
  std::vector<int> sizes_;  // newest, of each pool
  std::vector<sizing::DemandEstimator> estimators_;
};

}  // namespace

Outcome simulate(const Scenario& scenario, std::vector<int> initial, SizePolicy& policy,
                 const SimulatorOptions& options) {
  return Simulator(scenario, std::move(initial), policy, options).run();
}

}  // namespace poolwright::simulate

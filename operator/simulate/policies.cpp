#include "simulate/policies.h"

#include <algorithm>
#include <cmath>
#include <deque>

namespace poolwright::simulate {
namespace {

constexpr int kStaticSize = 25;

class StaticPolicy final : public SizePolicy {
 public:
  std::vector<int> decide(const sizing::ServerInput& input) override {
    return std::vector<int>(input.pools.size(), kStaticSize);
  }
};

/// Knows the best size of every phase and changes it just before the phase begins.
class OraclePolicy final : public SizePolicy {
 public:
  explicit OraclePolicy(const std::vector<SizePhase>& phases) : phases_(phases) {}

  std::vector<int> decide(const sizing::ServerInput& input) override {
    constexpr double kAheadSeconds = 0.6;
    std::vector<int> sizes = phases_.front().sizes;
    for (const SizePhase& phase : phases_) {
      if (input.time_s + kAheadSeconds >= phase.from_s) sizes = phase.sizes;
    }
    return sizes;
  }

 private:
  std::vector<SizePhase> phases_;
};

class OurPolicy final : public SizePolicy {
 public:
  explicit OurPolicy(const PolicyOptions& options) : policy_(options.pool), sizer_(options.parameters) {}

  std::vector<int> decide(const sizing::ServerInput& input) override {
    sizing::ServerInput with_policy = input;
    for (sizing::PoolInput& pool : with_policy.pools) pool.policy = policy_;
    const sizing::ServerDecision decision = sizer_.decide(with_policy);
    is_saturated_ = decision.guard_state != sizing::GuardState::kOpen;
    std::vector<int> sizes;
    for (const sizing::PoolDecision& pool : decision.pools) sizes.push_back(pool.size);
    return sizes;
  }
  bool is_saturated() const override { return is_saturated_; }

 private:
  sizing::PoolPolicy policy_;
  sizing::ServerSizer sizer_;
  bool is_saturated_ = false;
};

struct HpaOptions {
  int sync_s = 15;
  bool counts_waiting = false;
  bool keeps_budget = false;
};

/// The rule of the Kubernetes HPA applied to pool sizes: ceil(size * utilization / target), a tolerance of 10 %, at
/// most double or + 4 per sync upwards, the largest wish of 300 s downwards.
class HpaPolicy final : public SizePolicy {
 public:
  HpaPolicy(const Scenario& scenario, HpaOptions options)
      : options_(options), sizes_(initial_sizes("hpa", scenario)), pools_(scenario.workloads.size()) {}

  std::vector<int> decide(const sizing::ServerInput& input) override {
    ++ticks_;
    for (std::size_t i = 0; i < input.pools.size(); ++i) pools_[i].utilization += utilization(input.pools[i]);
    if (ticks_ % options_.sync_s != 0) return sizes_;
    for (std::size_t i = 0; i < input.pools.size(); ++i) sizes_[i] = wanted(i, input.pools[i], input.time_s);
    if (options_.keeps_budget) clip(input);
    return sizes_;
  }

 private:
  static constexpr double kTarget = 0.7;
  static constexpr double kTolerance = 0.1;
  static constexpr double kDownWindowSeconds = 300;
  static constexpr int kUpStep = 4;

  struct Wish {
    double time_s = 0;
    int size = 0;
  };
  struct PoolMemory {
    double utilization = 0;  // sum since the last sync
    std::deque<Wish> wishes;
  };

  double utilization(const sizing::PoolInput& pool) const {
    double used = 0.0;
    double size = 0.0;
    for (const sizing::PodInput& pod : pool.pod_inputs) {
      used += pod.observation->gauges.sv_active;
      if (options_.counts_waiting) used += pod.observation->gauges.cl_waiting;
      size += pod.observation->pool_size;
    }
    return used / size;
  }

  int wanted(std::size_t index, const sizing::PoolInput& pool, double now_s) {
    PoolMemory& memory = pools_[index];
    const double ratio = std::exchange(memory.utilization, 0.0) / options_.sync_s / kTarget;
    const int size = sizes_[index];
    int wish = std::abs(ratio - 1.0) <= kTolerance ? size : static_cast<int>(std::ceil(size * ratio));
    memory.wishes.push_back({.time_s = now_s, .size = wish});
    while (memory.wishes.front().time_s < now_s - kDownWindowSeconds) memory.wishes.pop_front();
    if (wish < size) {
      int largest = 0;
      for (const Wish& past : memory.wishes) largest = std::max(largest, past.size);
      wish = std::min(size, largest);
    }
    if (wish > size) wish = std::min(wish, std::max(2 * size, size + kUpStep));
    const sizing::PerPodLimits limits = sizing::per_pod(pool.limits, pool.pods);
    return std::clamp(wish, limits.min, limits.max);
  }

  /// The naive way to keep a budget: everybody is cut in proportion, shrinks and growth at the same time.
  void clip(const sizing::ServerInput& input) {
    int total = 0;
    for (std::size_t i = 0; i < sizes_.size(); ++i) total += sizes_[i] * input.pools[i].pods;
    if (total <= input.budget) return;
    for (std::size_t i = 0; i < sizes_.size(); ++i) {
      const int least = sizing::per_pod(input.pools[i].limits, input.pools[i].pods).min;
      sizes_[i] = std::max(least, sizes_[i] * input.budget / total);
    }
  }

  HpaOptions options_;
  std::vector<int> sizes_;
  std::vector<PoolMemory> pools_;
  int ticks_ = 0;
};

}  // namespace

const std::vector<std::string>& policy_names() {
  static const std::vector<std::string> kNames = {"static25", "hpa",   "hpa_q", "hpa_2s",
                                                  "hpaq_2s",  "hpa_b", "ours",  "oracle"};
  return kNames;
}

Result<std::unique_ptr<SizePolicy>> make_policy(std::string_view name, const Scenario& scenario,
                                                const PolicyOptions& options) {
  std::unique_ptr<SizePolicy> policy;
  if (name == "ours") policy = std::make_unique<OurPolicy>(options);
  if (name == "static25") policy = std::make_unique<StaticPolicy>();
  if (name == "oracle") policy = std::make_unique<OraclePolicy>(scenario.oracle);
  const auto hpa = [&](HpaOptions hpa_options) { policy = std::make_unique<HpaPolicy>(scenario, hpa_options); };
  if (name == "hpa") hpa({});
  if (name == "hpa_q") hpa({.counts_waiting = true});
  if (name == "hpa_2s") hpa({.sync_s = 2});
  if (name == "hpaq_2s") hpa({.sync_s = 2, .counts_waiting = true});
  if (name == "hpa_b") hpa({.keeps_budget = true});
  if (policy) return policy;
  std::string known;
  for (const std::string& one : policy_names()) known += (known.empty() ? "" : ", ") + one;
  return make_error(ErrorKind::kInvalid,
                    "simulate: there is no policy \"" + std::string(name) + "\"; there are " + known);
}

std::vector<int> initial_sizes(std::string_view policy, const Scenario& scenario) {
  if (policy == "oracle") return scenario.oracle.front().sizes;
  std::vector<int> sizes;
  for (const Workload& workload : scenario.workloads) {
    sizes.push_back(policy == "static25" ? kStaticSize : sizing::per_pod(workload.limits, workload.pods).initial);
  }
  return sizes;
}

}  // namespace poolwright::simulate

// Any stream of observations: the estimator and the whole chain stay finite,
// within bounds, and never size to 0.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/check.h"
#include "sizing/server_sizer.h"

namespace {

using namespace poolwright::sizing;

/// Takes values off the input; zeros once it is used up.
class Bytes {
 public:
  Bytes(const std::uint8_t* bytes, std::size_t size) : bytes_(bytes), left_(size) {}
  bool is_empty() const { return left_ == 0; }
  std::uint8_t byte() {
    if (left_ == 0) return 0;
    --left_;
    return *bytes_++;
  }
  /// Mostly plain steps, sometimes any double there is.
  double number(double scale) {
    const std::uint8_t kind = byte();
    if (kind != 255) return scale * kind;
    std::uint64_t bits = 0;
    for (int i = 0; i < 8; ++i) bits = bits << 8U | byte();
    double value = 0;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }

 private:
  const std::uint8_t* bytes_;
  std::size_t left_;
};

PodObservation next_observation(Bytes& bytes, double now_s, PodObservation seen) {
  seen.time_s = bytes.byte() % 8 == 0 ? bytes.number(1.0) : now_s;
  seen.counters.xact_count += bytes.number(10);
  seen.counters.xact_time_us += bytes.number(1e5);
  seen.counters.query_time_us += bytes.number(1e5);
  seen.counters.wait_time_us += bytes.number(1e5);
  seen.gauges.sv_active = bytes.byte() - 1;
  seen.gauges.sv_idle = bytes.byte() % 32;
  seen.gauges.sv_login = bytes.byte() % 2;
  seen.gauges.cl_waiting = bytes.byte() * 16;
  seen.is_paused = bytes.byte() % 64 == 63;
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  Bytes bytes(input, size);
  ServerSizer sizer({});
  PoolInput pool;
  pool.id = "a";
  pool.limits = {
      .min = 1 + bytes.byte() % 8, .max = 1 + bytes.byte(), .initial = 5, .reserve_per_pod = bytes.byte() % 4};
  pool.pods = 1 + bytes.byte() % 3;
  pool.pod_inputs.resize(1 + bytes.byte() % 3U);
  for (std::size_t i = 0; i < pool.pod_inputs.size(); ++i) pool.pod_inputs[i].name = std::to_string(i);
  const int budget = bytes.byte();
  double now_s = 0;
  while (!bytes.is_empty()) {
    now_s += bytes.byte() % 16 == 0 ? bytes.number(0.5) : 1.0;
    pool.leaked = bytes.byte() % 16;
    for (PodInput& pod : pool.pod_inputs) {
      if (bytes.byte() % 16 == 0) {
        pod.observation.reset();
        continue;
      }
      pod.observation = next_observation(bytes, now_s, pod.observation.value_or(PodObservation{}));
      pod.observation->pool_size = pool.size;
    }
    const ServerDecision decision = sizer.decide({.time_s = now_s, .budget = budget, .pools = {pool}});
    const PoolDecision& one = decision.pools.at(0);
    PW_CHECK(one.size >= 1);
    PW_CHECK(one.size <= std::max(pool.limits.max, pool.size));
    PW_CHECK(std::isfinite(one.why.load) && one.why.load >= 0.0);
    PW_CHECK(decision.committed_after <= std::max(budget, decision.committed_before));
    PW_CHECK(!why(one.why).empty() && !what_would_change(one.why).empty());
    pool.size = one.size;
  }
  return 0;
}

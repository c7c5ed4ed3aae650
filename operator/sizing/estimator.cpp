#include "sizing/estimator.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace poolwright::sizing {
namespace {

constexpr double kMicroseconds = 1e6;
// An observation may carry a time that is slightly ahead of the decision's.
constexpr double kClockSlack = 1.0;
// Used while nothing was completed in the window.
constexpr double kUnknownServiceTime = 0.05;
constexpr std::size_t kShareSamples = 15;
constexpr double kShareMin = 0.1;
// Sum of busy servers over the samples below which the share is not worth a new value.
constexpr double kShareBusyMin = 0.2;
constexpr double kImbalanceMax = 1.25;
// Waiting, as a share of busy servers, below which it is the luck of a moment.
constexpr double kWaitingShare = 0.02;
// Growth of the queue in a second, as a share of the transactions, that tells of a load that has just risen.
constexpr double kSurgeShare = 0.1;

bool is_restart(const PodCounters& before, const PodCounters& after) {
  return after.xact_count < before.xact_count || after.xact_time_us < before.xact_time_us ||
         after.query_time_us < before.query_time_us || after.wait_time_us < before.wait_time_us;
}

}  // namespace

std::string_view to_string(Doubt doubt) {
  switch (doubt) {
    case Doubt::kNone:
      return "none";
    case Doubt::kWarmingUp:
      return "warming up";
    case Doubt::kNoObservation:
      return "no observation";
    case Doubt::kPodMissing:
      return "pod missing";
    case Doubt::kPaused:
      return "paused";
    case Doubt::kStalled:
      return "stalled";
  }
  return "unknown";
}

int DemandEstimator::last_held(const std::string& pod) const {
  const auto found = tracks_.find(pod);
  return found == tracks_.end() ? 0 : held(found->second.last.gauges);
}

void DemandEstimator::observe(double now_s, const PoolInput& pool) {
  demand_.is_fresh = false;
  if (!(now_s > now_s_)) return;
  now_s_ = now_s;

  std::set<std::string> listed;
  for (const PodInput& pod : pool.pod_inputs) listed.insert(pod.name);
  std::erase_if(tracks_, [&](const auto& entry) { return !listed.contains(entry.first); });
  bool has_news = false;
  for (const PodInput& pod : pool.pod_inputs) has_news |= follow(pod, now_s);

  Totals totals = sum_current(now_s);
  totals.sample.leaked = std::max(0, pool.leaked);
  totals.sample.is_complete = totals.current_pods == static_cast<int>(listed.size());
  if (totals.current_pods == 0) {
    demand_.doubt = Doubt::kNoObservation;
    return;
  }
  if (totals.is_paused) {
    demand_.doubt = Doubt::kPaused;
    return;
  }
  if (!has_news) {
    if (!totals.sample.is_complete) demand_.doubt = Doubt::kPodMissing;
    return;
  }
  push(totals.sample);
  demand_ = measure(totals);
  if (demand_.doubt == Doubt::kNone) histogram_.add(demand_.load, now_s);
}

/// True if the pod brought a new pair of observations.
bool DemandEstimator::follow(const PodInput& pod, double now_s) {
  if (!pod.observation || !is_usable(*pod.observation)) return false;
  const PodObservation& seen = *pod.observation;
  if (seen.time_s > now_s + kClockSlack || now_s - seen.time_s > parameters_.stale_after_s) return false;
  const auto [entry, is_new] = tracks_.try_emplace(pod.name, Track{.last = seen, .rates = std::nullopt});
  if (is_new) return false;
  Track& track = entry->second;
  if (seen.time_s - track.last.time_s < parameters_.min_step_s) return false;
  std::optional<Rates> rates = rates_between(track.last, seen);
  track.last = seen;
  if (!rates) return false;
  track.rates = rates;
  return true;
}

std::optional<DemandEstimator::Rates> DemandEstimator::rates_between(const PodObservation& before,
                                                                     const PodObservation& after) const {
  const double step_s = after.time_s - before.time_s;
  if (step_s > parameters_.max_gap_s || is_restart(before.counters, after.counters)) return std::nullopt;
  const double waited_us = after.counters.wait_time_us - before.counters.wait_time_us;
  const double in_transaction_us = after.counters.xact_time_us - before.counters.xact_time_us;
  const double in_statement_us = after.counters.query_time_us - before.counters.query_time_us;
  const double counted = std::max(0.0, in_transaction_us - waited_us) / kMicroseconds / step_s;
  // A long transaction is credited all at once when it ends: no more than the pod holds can have been busy.
  const double busy = std::min(counted, static_cast<double>(held(after.gauges)));
  const double kept = counted > 0.0 ? busy / counted : 0.0;
  Rates rates;
  rates.time_s = after.time_s;
  rates.transactions = (after.counters.xact_count - before.counters.xact_count) / step_s;
  rates.busy = busy;
  // Waiting is in both counters, so that their difference is free of it.
  const double between = std::max(0.0, in_transaction_us - in_statement_us) / kMicroseconds / step_s;
  rates.between_statements = std::min(between * kept, static_cast<double>(held(after.gauges)));
  rates.waited = waited_us / kMicroseconds / step_s;
  return rates;
}

/// Sums pods in the order of their names, so that the order of the input cannot change a bit of the result.
DemandEstimator::Totals DemandEstimator::sum_current(double now_s) const {
  Totals totals;
  totals.sample.time_s = now_s;
  for (const auto& [name, track] : tracks_) {
    if (!track.rates || now_s - track.rates->time_s > parameters_.stale_after_s) continue;
    const PodGauges& gauges = track.last.gauges;
    ++totals.current_pods;
    totals.sample.transactions += track.rates->transactions;
    totals.sample.busy += track.rates->busy;
    totals.sample.between_statements += track.rates->between_statements;
    totals.sample.waited += track.rates->waited;
    totals.sample.waiting += gauges.cl_waiting;
    totals.sample.active += occupied(gauges);
    totals.held += held(gauges);
    totals.busiest = std::max(totals.busiest, occupied(gauges) + gauges.cl_waiting);
    totals.is_paused |= track.last.is_paused;
    if (held(gauges) >= track.last.pool_size) totals.waiting_at_limit += gauges.cl_waiting;
  }
  return totals;
}

void DemandEstimator::push(const Sample& sample) {
  // Samples from before a long silence say nothing about now.
  if (!window_.empty() && sample.time_s - window_.back().time_s > parameters_.max_gap_s) window_.clear();
  window_.push_back(sample);
  if (window_.size() > kWindowMax) window_.pop_front();
}

Demand DemandEstimator::measure(const Totals& totals) const {
  const Fast fast = fast_means();
  const Sample& now = window_.back();
  Demand demand;
  demand.is_fresh = true;
  demand.transactions = fast.transactions;
  demand.waiting = now.waiting;
  demand.leaked = now.leaked;
  demand.held = totals.held;
  demand.busy = busy_servers(fast, now.leaked);
  demand.service_s = fast.transactions > 0.0 ? demand.busy / fast.transactions : kUnknownServiceTime;
  set_statement_share(demand);

  const int pods = std::max(1, totals.current_pods);
  demand.is_opening = now.waiting > 0 && totals.waiting_at_limit == 0;
  demand.is_queueing = now.waiting > 0 && !demand.is_opening &&
                       (now.waited > kWaitingShare * std::max(now.busy, 0.05) || now.waiting >= pods);
  demand.load = demand.busy;
  // Means lag behind a load that has just risen. Every server is occupied then, so that the gauge is exact.
  const bool is_surging = demand.is_queueing && fast.queue_growth > kSurgeShare * demand.transactions;
  if (is_surging) demand.load = std::max(demand.load, static_cast<double>(now.active - now.leaked));
  if (now.waiting > 0) {
    const double drain_s = parameters_.drain_s;
    demand.load += fast.queue_growth * std::min(demand.service_s, 1.0) +
                   now.waiting * std::min(demand.service_s, drain_s) / drain_s;
  }
  if (pods > 1 && now.active > 0) {
    // One size serves every pod, so the fullest pod sets it, within reason.
    const double skew = static_cast<double>(totals.busiest) * pods / (now.active + now.waiting);
    demand.load *= std::clamp(0.5 + 0.5 * skew, 1.0, kImbalanceMax);
  }

  if (!fast.is_complete) {
    demand.doubt = Doubt::kPodMissing;
  } else if (demand.is_opening && fast.transactions <= 0.0) {
    demand.doubt = Doubt::kStalled;
  } else {
    demand.doubt = fast.count < 2.0 ? Doubt::kWarmingUp : Doubt::kNone;
  }
  return demand;
}

DemandEstimator::Fast DemandEstimator::fast_means() const {
  Fast fast;
  const std::size_t count = std::min(window_.size(), static_cast<std::size_t>(std::max(1, parameters_.fast_samples)));
  fast.count = static_cast<double>(count);
  const std::size_t first = window_.size() - count;
  for (std::size_t i = first; i < window_.size(); ++i) {
    fast.transactions += window_[i].transactions;
    fast.counted += window_[i].busy;
    fast.seen += window_[i].active;
    fast.is_complete &= window_[i].is_complete;
  }
  fast.transactions /= fast.count;
  fast.counted /= fast.count;
  fast.seen /= fast.count;
  const double span_s = window_.back().time_s - window_[first].time_s;
  if (span_s > 0.0) fast.queue_growth = std::max(0.0, (window_.back().waiting - window_[first].waiting) / span_s);
  return fast;
}

/// Open transactions are not in the counters yet: the gauges are believed where they are significantly higher (sampled
/// once a second they scatter by the root of their mean). Leaked sessions hold servers but do no work.
double DemandEstimator::busy_servers(const Fast& fast, int leaked) {
  const double seen = std::max(0.0, fast.seen - leaked);
  if (seen > fast.counted + 2.0 * std::sqrt(std::max(fast.counted, 1.0) / fast.count) + 0.5) return seen;
  return leaked > 0 && seen > 0.0 ? std::min(fast.counted, seen) : fast.counted;
}

void DemandEstimator::set_statement_share(Demand& demand) const {
  demand.statement_share = demand_.statement_share;
  double busy = 0.0;
  double between = 0.0;
  const std::size_t first = window_.size() > kShareSamples ? window_.size() - kShareSamples : 0;
  for (std::size_t i = first; i < window_.size(); ++i) {
    busy += window_[i].busy;
    between += window_[i].between_statements;
  }
  if (busy > kShareBusyMin) demand.statement_share = std::clamp(1.0 - between / busy, kShareMin, 1.0);
}

}  // namespace poolwright::sizing

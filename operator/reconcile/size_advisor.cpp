#include "reconcile/size_advisor.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>

namespace poolwright::reconcile {

namespace {

/// The largest share of a pod, reserve included, that leaves the sum within `total` while every pod still has what it
/// may hold; where they are above it, nobody's grows.
std::int32_t share_without_overlap(const std::vector<std::int32_t>& live, std::int32_t total, std::int32_t wanted) {
  const auto sum_with = [&](std::int32_t share) {
    std::int64_t sum = 0;
    for (const std::int32_t held : live) sum += std::max(held, share);
    return sum;
  };
  if (live.empty() || sum_with(wanted) <= total) return wanted;
  std::int32_t share = std::min(wanted, *std::min_element(live.begin(), live.end()));
  while (share < wanted && sum_with(share + 1) <= total) ++share;
  return share;
}

}  // namespace

std::int32_t allowed(const SizeAdvice& advice, const api::Database& database, const Room& room) {
  return std::min(advice.approved, std::max(advice.size, room.least) + database.reserve_pool_size);
}

std::optional<Fit> fitting_size(const SizeAdvice& advice, const api::Database& database, const Room& room) {
  const std::int32_t pods = std::max(1, room.pods);
  const render::PodHold& stopping = room.stopping;
  const std::int32_t stopping_sum = stopping.total();
  const std::int32_t reserve = std::max(0, database.reserve_pool_size - stopping.reserve) / pods;
  std::int32_t per_pod = (advice.approved - stopping_sum) / pods - reserve;
  if (per_pod < 1 && stopping_sum == 0) return std::nullopt;
  const std::int32_t size = std::clamp(advice.size, 1, std::max(1, database.pool_size.max));
  const std::int32_t wanted = std::max(1, std::min(per_pod, (size - stopping.size) / pods));
  const std::int32_t total = allowed({.size = size, .approved = advice.approved}, database, room) - stopping_sum;
  const std::int32_t share = share_without_overlap(room.live, total, wanted + reserve);
  per_pod = std::max(1, share - reserve);
  Fit fit{.size = (size - stopping.size) / pods <= per_pod ? size : per_pod * pods + stopping.size,
          .held_back = stopping};
  // One connection is the least that a pod can be told, so here it is the reserve that waits.
  const std::int32_t reserve_now = std::max(0, share - per_pod);
  if (reserve_now < reserve) fit.held_back.reserve = database.reserve_pool_size - pods * reserve_now;
  return fit;
}

bool is_sizing_condition(const std::string& type) {
  static constexpr std::array<std::string_view, 4> kTypes = {
      api::condition::kBudgetExceeded, api::condition::kDatabaseSaturated, api::condition::kConnectionLeakSuspected,
      api::condition::kMetricsStale};
  return std::find(kTypes.begin(), kTypes.end(), type) != kTypes.end();
}

std::optional<PoolAdvice> RecordedSizes::advise(const Facts& facts) {
  PoolAdvice advice;
  advice.report.emplace();
  for (const api::Database& database : facts.pool.spec.databases) {
    const auto recorded = facts.sizes.find(database.name);
    const bool is_auto = facts.pool.spec.sizing.mode != api::SizingMode::kFixed;
    const std::int32_t wanted =
        recorded == facts.sizes.end() || !is_auto ? api::initial_size(database.pool_size) : recorded->second;
    advice.report->databases[database.name].size_reason = wanted == api::initial_size(database.pool_size)
                                                              ? "initial size of spec.databases[].poolSize"
                                                              : "size that the pool ran with before";
    advice.sizes[database.name] = {
        .size = std::clamp(wanted, std::max(1, database.pool_size.min), std::max(1, database.pool_size.max)),
        .approved = std::numeric_limits<std::int32_t>::max()};
  }
  return advice;
}

}  // namespace poolwright::reconcile

#include "reconcile/size_advisor.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>

namespace poolwright::reconcile {

std::optional<std::int32_t> fitting_size(const SizeAdvice& advice, const api::Database& database, std::int32_t slots) {
  const std::int32_t pods = std::max(1, slots);
  const std::int32_t per_pod = advice.approved / pods - database.reserve_pool_size / pods;
  if (per_pod < 1) return std::nullopt;
  const std::int32_t size = std::clamp(advice.size, 1, std::max(1, database.pool_size.max));
  return size / pods <= per_pod ? size : per_pod * pods;
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

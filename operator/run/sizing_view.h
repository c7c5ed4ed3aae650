// Lays over what was seen what the sizing knows and decided: sizes with their reasons, budgets, leaks, decisions.
// Thread rule: SizingView has one owner.
#pragma once

#include <cstdint>

#include "health/observations.h"
#include "run/sizing_snapshot.h"

namespace poolwright::run {

class SizingView {
 public:
  /// What the snapshot does not know stays as it was. Decisions are given once.
  void add(health::Observations& observations, const SizingSnapshot& sizing);

 private:
  std::uint64_t change_seen_ = 0;
};

}  // namespace poolwright::run

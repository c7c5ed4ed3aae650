// Applies the knee guard to the pools of one server: how much of the allowed concurrency each pool that presses may
// use, by the same fairness as the budget. Pure but for the guard's own state.
#pragma once

#include <map>
#include <span>
#include <string>

#include "sizing/knee_guard.h"
#include "sizing/recommendation.h"

namespace poolwright::sizing {

/// A pool on its way through the guard; sizes are per pod.
struct GuardClaim {
  std::string id;
  const DemandEstimator* estimator = nullptr;  // borrowed for the call
  int pods = 1;
  int min = 1;
  int size = 1;
  int need = 1;
  int want = 1;
  double weight = 1;
  bool is_contending = false;
  bool is_growth_wanted = false;
  /// Sized by demand that was just observed; others only count with the concurrency that they use.
  bool is_guided = true;
  /// In doubt: may be kept from growing, is never shrunk.
  bool is_frozen = false;
};

struct GuardVerdict {
  GuardState state = GuardState::kOpen;
  /// Concurrency that the pools together may use / use now.
  double cap = 0;
  double concurrency = 0;
  /// For guided pools that press or want to grow: the size to have instead of `want`.
  std::map<std::string, int> want;
};

GuardVerdict apply_guard(KneeGuard& guard, double now_s, std::span<const GuardClaim> claims);

}  // namespace poolwright::sizing

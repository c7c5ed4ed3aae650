#include "sizing/explanation.h"

#include <array>
#include <cstdio>

namespace poolwright::sizing {
namespace {

/// At most two decimals, none where there is nothing behind the point: "12.4", "0.03", "120".
std::string number(double value) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.2f", value);
  std::string result = text.data();
  while (result.back() == '0') result.pop_back();
  if (result.back() == '.') result.pop_back();
  return result;
}

std::string number(int value) { return std::to_string(value); }

std::string percent(double share) { return number(share * 100.0) + " %"; }

std::string demand_of(const Explanation& e) {
  std::string text = number(e.busy) + " servers busy";
  if (e.waiting > 0) text += " and " + number(e.waiting) + " clients waiting";
  text += ", a demand of " + number(e.load);
  if (e.pods > 1) text += " on " + number(e.pods) + " pods";
  return text + ", needs " + number(e.now) + " at " + percent(e.target_utilization) + " utilization and " +
         percent(e.max_wait_probability) + " probability of waiting";
}

std::string leak_of(const Explanation& e) {
  if (e.leaked == 0) return "";
  return "; " + number(e.leaked) + " leaked transactions are replaced by " + number(e.leak_compensation);
}

std::string because(const Explanation& e) {
  switch (e.reason) {
    case Reason::kDemand:
      return demand_of(e);
    case Reason::kMemory:
      return demand_of(e) + "; the last " + number(e.down_window_s) + " s needed up to " + number(e.window_max);
    case Reason::kWithin:
      return demand_of(e) + "; the difference is within the tolerance";
    case Reason::kMinimum:
      return demand_of(e) + "; not below the minimum";
    case Reason::kMaximum:
      return demand_of(e) + "; not above the maximum of " + number(e.max);
    case Reason::kStep:
      return demand_of(e) + "; one step on the way there";
    case Reason::kDoubt:
      return "frozen, since observations are doubtful (" + std::string(to_string(e.doubt)) + ")";
    case Reason::kDatabase:
      return demand_of(e) + "; the server is held at " + number(e.guard_cap) +
             " statements at a time, since more would not do more work (" + std::string(to_string(e.guard_state)) + ")";
    case Reason::kBudget:
      return demand_of(e) + "; its share of the " + number(e.budget) + " connections of the server is " +
             number(e.share * e.pods);
    case Reason::kTransition:
      return demand_of(e) + "; " + number(e.share) + " is granted as soon as other pools have shrunk (" +
             number(e.committed_total) + " of " + number(e.budget) + " connections are committed)";
    case Reason::kFixed:
      return "the mode keeps it; " + demand_of(e);
  }
  return "";
}

}  // namespace

std::string_view to_string(Reason reason) {
  static constexpr std::array<std::string_view, 11> kNames = {
      "Demand", "Memory",          "WithinTolerance",   "Minimum", "Maximum",
      "Step",   "DoubtfulMetrics", "DatabaseSaturated", "Budget",  "WaitingForOthers",
      "Fixed"};
  return kNames.at(static_cast<std::size_t>(reason));
}

std::string why(const Explanation& e) {
  std::string text = number(e.size) + " per pod";
  if (e.pods > 1) text += " (" + number(e.size * e.pods) + " on " + number(e.pods) + " pods)";
  return text + ": " + because(e) + leak_of(e) + ".";
}

std::string what_would_change(const Explanation& e) {
  switch (e.reason) {
    case Reason::kDoubt:
      return "It can shrink again once all pods have been observed without a gap.";
    case Reason::kMemory:
      return "It shrinks towards " + number(e.need) + " once the last " + number(e.down_window_s) +
             " s needed less, a step at a time.";
    case Reason::kDatabase:
      return "It grows when a probe shows that more concurrency does more work, or when the pressure ends.";
    case Reason::kBudget:
      return "It grows when other pools of the server need less, or with a larger budget or weight.";
    case Reason::kTransition:
      return "It grows when connections of other pools have been seen to close.";
    case Reason::kMaximum:
      return "It grows only with a larger maximum.";
    case Reason::kMinimum:
      return "It grows with the demand; it shrinks only with a smaller minimum.";
    case Reason::kFixed:
      return "Mode Auto would lead to " + number(e.now > e.window_max ? e.now : e.window_max) + ".";
    default:
      return "It grows at once when demand does, up to " + number(e.max) + "; it shrinks when the last " +
             number(e.down_window_s) + " s needed less.";
  }
}

}  // namespace poolwright::sizing

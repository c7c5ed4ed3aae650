#include "sizing/staffing.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace poolwright::sizing {
namespace {

constexpr double kBetaMax = 5.0;
constexpr int kBisections = 60;
// Quotients such as 7 / 0.7 must not become 11 because of their last bit.
constexpr double kRounding = 1e-9;

}  // namespace

double wait_probability(double beta) {
  const double density = std::exp(-0.5 * beta * beta) / std::sqrt(2.0 * std::numbers::pi);
  const double below = 0.5 * std::erfc(-beta / std::sqrt(2.0));
  return 1.0 / (1.0 + beta * below / density);
}

double beta_for(double probability) {
  double low = 0.0;
  double high = kBetaMax;
  for (int i = 0; i < kBisections; ++i) {
    const double middle = (low + high) / 2.0;
    if (wait_probability(middle) > probability) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return high;
}

int staff(double load, double utilization, double beta) {
  if (!(load > 0.0)) return 0;
  const double needed = std::ceil(std::max(load / utilization, load + beta * std::sqrt(load)) - kRounding);
  return static_cast<int>(std::min(needed, static_cast<double>(kMaxServers)));
}

}  // namespace poolwright::sizing

#include "base/histogram.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace poolwright {

Histogram make_histogram(std::vector<double> bounds) {
  PW_CHECK(std::is_sorted(bounds.begin(), bounds.end()));
  Histogram histogram{.bounds = std::move(bounds)};
  histogram.counts.resize(histogram.bounds.size() + 1);
  return histogram;
}

void observe(Histogram& histogram, double value) {
  const auto bound = std::lower_bound(histogram.bounds.begin(), histogram.bounds.end(), value);
  ++histogram.counts[static_cast<std::size_t>(bound - histogram.bounds.begin())];
  histogram.sum += value;
}

std::vector<double> latency_bounds() {
  return {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60};
}

}  // namespace poolwright

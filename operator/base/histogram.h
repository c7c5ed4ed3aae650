// Observations counted by upper bound, as Prometheus wants them.
// Thread rule: plain values; not synchronised.
#pragma once

#include <cstdint>
#include <vector>

namespace poolwright {

/// counts[i] is the number at or below bounds[i] and above the bound before it; the last count is of those above every
/// bound.
struct Histogram {
  std::vector<double> bounds;
  std::vector<std::uint64_t> counts;  // bounds.size() + 1
  double sum = 0;
};
/// Empty, with the bounds; they must rise.
Histogram make_histogram(std::vector<double> bounds);
void observe(Histogram& histogram, double value);
/// In seconds, 1 ms to 60 s.
std::vector<double> latency_bounds();

}  // namespace poolwright

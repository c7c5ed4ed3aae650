#include "sizing/decaying_histogram.h"

#include <algorithm>
#include <cmath>

namespace poolwright::sizing {
namespace {

constexpr double kFirst = 0.25;
constexpr double kRatio = 1.05;
// New samples weigh 2^(age of the reference / half-life): moved on long before that overflows.
constexpr double kHalfLivesPerReference = 20.0;

std::size_t bucket_of(double value) {
  if (value < kFirst) return 0;
  const double exact = std::log(value * (kRatio - 1.0) / kFirst + 1.0) / std::log(kRatio);
  return static_cast<std::size_t>(std::min(exact, static_cast<double>(DecayingHistogram::kBuckets - 1)));
}

double upper_edge(std::size_t bucket) {
  return kFirst * (std::pow(kRatio, static_cast<double>(bucket + 1)) - 1.0) / (kRatio - 1.0);
}

}  // namespace

void DecayingHistogram::add(double value, double now_s) {
  if (!std::isfinite(value)) return;
  if (empty_) {
    reference_s_ = now_s;
    empty_ = false;
  }
  if (now_s - reference_s_ > kHalfLivesPerReference * half_life_s_) renormalise(now_s);
  const double weight = std::exp2((now_s - reference_s_) / half_life_s_);
  weights_[bucket_of(value)] += weight;
  total_ += weight;
}

double DecayingHistogram::percentile(double share) const {
  if (!(total_ > 0.0)) return 0.0;
  double sum = 0.0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    sum += weights_[i];
    if (sum >= share * total_) return upper_edge(i);
  }
  return upper_edge(kBuckets - 1);
}

void DecayingHistogram::renormalise(double now_s) {
  const double factor = std::exp2(-(now_s - reference_s_) / half_life_s_);
  for (double& weight : weights_) weight *= factor;
  total_ *= factor;
  reference_s_ = now_s;
}

}  // namespace poolwright::sizing

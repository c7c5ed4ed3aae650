// A histogram whose samples lose half of their weight every half-life, so that a percentile remembers bursts for a
// while and then forgets them. Buckets grow by 5 %, which bounds the relative error of a percentile.
// Thread rule: one owner. Memory: kBuckets doubles.
#pragma once

#include <array>
#include <cstddef>

namespace poolwright::sizing {

class DecayingHistogram {
 public:
  static constexpr std::size_t kBuckets = 200;

  /// `half_life_s` > 0.
  explicit DecayingHistogram(double half_life_s) : half_life_s_(half_life_s) {}

  /// Values below the first bucket's edge count in it, values above the last one in that.
  /// `now_s` must not go back. A value that is not finite is ignored.
  void add(double value, double now_s);

  /// Upper edge of the bucket that holds the given share of the weight; 0 while empty.
  double percentile(double share) const;

 private:
  void renormalise(double now_s);

  double half_life_s_;
  std::array<double, kBuckets> weights_{};
  double total_ = 0.0;
  double reference_s_ = 0.0;
  bool empty_ = true;
};

}  // namespace poolwright::sizing

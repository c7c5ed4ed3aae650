// Random inputs from a seed, for tests of properties.
#pragma once

#include <algorithm>
#include <random>
#include <vector>

namespace poolwright::sizing {

class Dice {
 public:
  explicit Dice(unsigned seed) : engine_(seed) {}
  int from(int low, int high) { return std::uniform_int_distribution<int>(low, high)(engine_); }
  double real(double low, double high) { return std::uniform_real_distribution<double>(low, high)(engine_); }
  bool chance(double probability) { return real(0, 1) < probability; }
  template <typename T>
  void shuffle(std::vector<T>& values) {
    std::shuffle(values.begin(), values.end(), engine_);
  }

 private:
  std::mt19937 engine_;
};

}  // namespace poolwright::sizing

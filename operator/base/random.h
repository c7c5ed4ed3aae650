// Randomness as a parameter: jitter and generated passwords come from here, so that a seed replays a run.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace poolwright {

/// Thread rule: implementations may be called from any thread.
class Random {
 public:
  virtual ~Random() = default;
  virtual std::uint64_t next() = 0;

  /// Uniform in [0, 1).
  double next_fraction() { return static_cast<double>(next() >> 11U) * 0x1.0p-53; }
};

/// Cryptographically strong bytes of the operating system (getrandom through OpenSSL's RAND_bytes).
class SystemRandom final : public Random {
 public:
  std::uint64_t next() override;
};

/// The same sequence for the same seed (std::mt19937_64); for tests and the simulation.
std::unique_ptr<Random> make_seeded_random(std::uint64_t seed);

/// `length` characters from [A-Za-z0-9], each equally likely: a password that no reader has to unquote.
std::string random_alphanumeric(Random& random, std::size_t length);

}  // namespace poolwright

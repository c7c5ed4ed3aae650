#include "base/random.h"

#include <openssl/rand.h>

#include <array>
#include <cstring>
#include <mutex>
#include <random>
#include <string_view>

#include "base/check.h"

namespace poolwright {

namespace {

class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}
  std::uint64_t next() override {
    const std::lock_guard lock(mutex_);
    return engine_();
  }

 private:
  std::mutex mutex_;
  std::mt19937_64 engine_;  // guarded by mutex_
};

}  // namespace

std::uint64_t SystemRandom::next() {
  std::array<unsigned char, sizeof(std::uint64_t)> bytes{};
  PW_CHECK(RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1);
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

std::unique_ptr<Random> make_seeded_random(std::uint64_t seed) { return std::make_unique<SeededRandom>(seed); }

std::string random_alphanumeric(Random& random, std::size_t length) {
  static constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  // Values past the last whole multiple of 62 are drawn again, so that no character is likelier than another.
  constexpr std::uint64_t kFair = UINT64_MAX - UINT64_MAX % kAlphabet.size();
  std::string text;
  text.reserve(length);
  while (text.size() < length) {
    const std::uint64_t drawn = random.next();
    if (drawn < kFair) text.push_back(kAlphabet[drawn % kAlphabet.size()]);
  }
  return text;
}

}  // namespace poolwright

#include "base/clock.h"

#include <array>
#include <cstdio>
#include <ctime>

namespace poolwright {

namespace {

std::tm utc_fields(WallTime time) {
  const std::time_t seconds =
      std::chrono::system_clock::to_time_t(std::chrono::time_point_cast<std::chrono::system_clock::duration>(
          std::chrono::floor<std::chrono::seconds>(time)));
  std::tm fields{};
  gmtime_r(&seconds, &fields);
  return fields;
}

std::string format_seconds(const std::tm& fields) {
  std::array<char, 32> text{};
  const std::size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &fields);
  return {text.data(), length};
}

}  // namespace

MonotonicTime SystemClock::now() const { return std::chrono::steady_clock::now(); }

WallTime SystemClock::wall_now() const { return std::chrono::system_clock::now(); }

std::string format_rfc3339(WallTime time) { return format_seconds(utc_fields(time)) + "Z"; }

std::string format_rfc3339_micro(WallTime time) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(time);
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(time - whole).count();
  std::array<char, 32> fraction{};
  std::snprintf(fraction.data(), fraction.size(), ".%06lldZ", static_cast<long long>(micros));
  return format_seconds(utc_fields(time)) + fraction.data();
}

}  // namespace poolwright

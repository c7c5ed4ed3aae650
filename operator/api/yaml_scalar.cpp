#include "api/yaml_scalar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>

namespace poolwright::api {

namespace {

template <std::size_t kCount>
bool is_one_of(std::string_view text, const std::array<std::string_view, kCount>& words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

constexpr std::array<std::string_view, 11> kTrue{"y",    "Y",    "yes", "Yes", "YES", "true",
                                                 "True", "TRUE", "on",  "On",  "ON"};
constexpr std::array<std::string_view, 11> kFalse{"n",     "N",     "no",  "No",  "NO", "false",
                                                  "False", "FALSE", "off", "Off", "OFF"};
constexpr std::array<std::string_view, 5> kNull{"", "~", "null", "Null", "NULL"};
constexpr std::array<std::string_view, 12> kNotFinite{".inf",  ".Inf",  ".INF",  "+.inf", "+.Inf", "+.INF",
                                                      "-.inf", "-.Inf", "-.INF", ".nan",  ".NaN",  ".NAN"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::optional<Json> parse_integer(std::string_view text) {
  const bool negative = !text.empty() && text.front() == '-';
  if (negative || (!text.empty() && text.front() == '+')) text.remove_prefix(1);
  int base = 10;
  if (text.size() > 1 && text[0] == '0') {
    const char letter = static_cast<char>(text[1] | 0x20);
    base = letter == 'x' ? 16 : letter == 'b' ? 2 : 8;
    text.remove_prefix(letter == 'x' || letter == 'b' || letter == 'o' ? 2 : 1);
  }
  std::uint64_t magnitude = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), magnitude, base);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  constexpr std::uint64_t kMagnitudeMax = std::uint64_t{1} << 63U;
  if (!negative) return magnitude < kMagnitudeMax ? Json(static_cast<std::int64_t>(magnitude)) : Json(magnitude);
  if (magnitude > kMagnitudeMax) return std::nullopt;
  return Json(static_cast<std::int64_t>(~magnitude + 1));
}

/// [-+]?(digits[.digits]|.digits)([eE][-+]?digits)?
bool is_float(std::string_view text) {
  std::size_t at = 0;
  const auto digits = [&] {
    const std::size_t begin = at;
    while (at < text.size() && is_digit(text[at])) ++at;
    return at - begin;
  };
  const auto skip = [&](std::string_view any) {
    const bool there = at < text.size() && any.find(text[at]) != std::string_view::npos;
    if (there) ++at;
    return there;
  };
  skip("+-");
  const std::size_t before = digits();
  const std::size_t after = skip(".") ? digits() : 0;
  if (before + after == 0) return false;
  if (skip("eE")) {
    skip("+-");
    if (digits() == 0) return false;
  }
  return at == text.size();
}

std::optional<Json> parse_float(std::string_view text) {
  if (!is_float(text)) return std::nullopt;
  if (text.front() == '+') text.remove_prefix(1);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  constexpr double kExactMax = 9007199254740992.0;  // 2^53
  if (std::trunc(number) == number && std::abs(number) <= kExactMax) return Json(static_cast<std::int64_t>(number));
  return Json(number);
}

}  // namespace

std::optional<Json> resolve_scalar(std::string_view text) {
  if (is_one_of(text, kNull)) return Json(nullptr);
  if (is_one_of(text, kTrue)) return Json(true);
  if (is_one_of(text, kFalse)) return Json(false);
  if (is_one_of(text, kNotFinite)) return std::nullopt;
  const char first = text.front();
  if (!is_digit(first) && first != '+' && first != '-' && first != '.') return Json(std::string(text));
  std::string plain;
  std::copy_if(text.begin(), text.end(), std::back_inserter(plain), [](char c) { return c != '_'; });
  if (std::optional<Json> integer = parse_integer(plain)) return integer;
  if (std::optional<Json> number = parse_float(plain)) return number;
  return Json(std::string(text));
}

}  // namespace poolwright::api

#include "api/quantity.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <limits>

namespace poolwright::api {

namespace {

__extension__ using Wide = unsigned __int128;

constexpr std::size_t kTextLengthMax = 32;
constexpr std::size_t kDigitsMax = 27;
constexpr int kMilliDigits = 3;  // the API server rounds resources up to thousandths
constexpr Wide kMilli = 1000;
constexpr Wide kMilliMax = static_cast<Wide>(std::numeric_limits<std::int64_t>::max()) * kMilli;

/// How a quantity was written, which is how the API server prints it again.
enum class Format { kDecimalSuffix, kBinarySuffix, kDecimalExponent };

struct Suffix {
  std::string_view text;
  int exponent;  // of 10, or of 2 for binary ones
};
constexpr std::array<Suffix, 10> kDecimalSuffixes{
    {{"n", -9}, {"u", -6}, {"m", -3}, {"", 0}, {"k", 3}, {"M", 6}, {"G", 9}, {"T", 12}, {"P", 15}, {"E", 18}}};
constexpr std::array<Suffix, 6> kBinarySuffixes{
    {{"Ki", 10}, {"Mi", 20}, {"Gi", 30}, {"Ti", 40}, {"Pi", 50}, {"Ei", 60}}};

struct Quantity {
  Wide milli = 0;
  Format format = Format::kDecimalSuffix;
};

struct Scale {
  Format format = Format::kDecimalSuffix;
  int exponent = 0;
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::optional<Scale> exponent_scale(std::string_view text) {
  if (text.size() < 2 || (text[0] != 'e' && text[0] != 'E')) return std::nullopt;
  text.remove_prefix(1);
  if (text[0] == '+') text.remove_prefix(1);
  int exponent = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), exponent);
  constexpr int kExponentMax = 99;
  if (error != std::errc() || end != text.data() + text.size() || exponent > kExponentMax || exponent < -kExponentMax) {
    return std::nullopt;
  }
  return Scale{.format = Format::kDecimalExponent, .exponent = exponent};
}

std::optional<Scale> scale_of(std::string_view suffix) {
  for (const Suffix& known : kDecimalSuffixes) {
    if (suffix == known.text) return Scale{.format = Format::kDecimalSuffix, .exponent = known.exponent};
  }
  for (const Suffix& known : kBinarySuffixes) {
    if (suffix == known.text) return Scale{.format = Format::kBinarySuffix, .exponent = known.exponent};
  }
  return exponent_scale(suffix);
}

/// value * 10^power, rounded up; nullopt beyond 128 bits.
std::optional<Wide> times_power_of_ten(Wide value, int power) {
  for (; power > 0; --power) {
    if (value == 0) return value;
    if (__builtin_mul_overflow(value, Wide{10}, &value)) return std::nullopt;
  }
  bool remainder = false;
  for (; power < 0; ++power) {
    remainder = remainder || value % 10 != 0;
    value /= 10;
  }
  return remainder ? value + 1 : value;
}

std::optional<Quantity> parse(std::string_view text) {
  if (text.empty() || text.size() > kTextLengthMax) return std::nullopt;
  const auto number_end = std::find_if_not(text.begin(), text.end(), [](char c) { return is_digit(c) || c == '.'; });
  const auto number_length = static_cast<std::size_t>(number_end - text.begin());
  const std::string_view number = text.substr(0, number_length);
  const std::optional<Scale> scale = scale_of(text.substr(number_length));
  if (!scale || std::count(number.begin(), number.end(), '.') > 1) return std::nullopt;

  const std::size_t dot = std::min(number.find('.'), number.size());
  Wide mantissa = 0;
  std::size_t digits = 0;
  for (const char c : number) {
    if (c == '.') continue;
    mantissa = mantissa * 10 + static_cast<Wide>(c - '0');
    if (++digits > kDigitsMax) return std::nullopt;
  }
  if (digits == 0) return std::nullopt;
  const int fraction_digits = static_cast<int>(digits - dot);
  const bool binary = scale->format == Format::kBinarySuffix;
  if (binary && __builtin_mul_overflow(mantissa, Wide{1} << static_cast<unsigned>(scale->exponent), &mantissa)) {
    return std::nullopt;
  }
  const std::optional<Wide> milli =
      times_power_of_ten(mantissa, kMilliDigits - fraction_digits + (binary ? 0 : scale->exponent));
  if (!milli || *milli > kMilliMax) return std::nullopt;
  return Quantity{.milli = *milli, .format = scale->format};
}

std::string digits_of(Wide value) {
  std::string digits;
  do {
    digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(value % 10)));
    value /= 10;
  } while (value != 0);
  return digits;
}

std::string decimal_text(Wide value, Format format) {
  int exponent = -kMilliDigits;
  while (value % 1000 == 0) {
    value /= 1000;
    exponent += 3;
  }
  const std::string number = digits_of(value);
  if (format == Format::kDecimalExponent) return exponent == 0 ? number : number + "e" + std::to_string(exponent);
  const auto suffix = std::find_if(kDecimalSuffixes.begin(), kDecimalSuffixes.end(),
                                   [&](const Suffix& known) { return known.exponent == exponent; });
  return number + std::string(suffix->text);
}

std::string binary_text(Wide value) {
  std::string_view suffix;
  for (const Suffix& known : kBinarySuffixes) {
    if (value % 1024 != 0) break;
    value /= 1024;
    suffix = known.text;
  }
  return digits_of(value) + std::string(suffix);
}

}  // namespace

std::optional<std::string> canonical_quantity(std::string_view text) {
  const std::optional<Quantity> quantity = parse(text);
  if (!quantity) return std::nullopt;
  const auto& [milli, format] = *quantity;
  if (milli == 0) return "0";
  if (format != Format::kBinarySuffix) return decimal_text(milli, format);
  const bool whole = milli % kMilli == 0 && milli >= 1024 * kMilli;
  return whole ? binary_text(milli / kMilli) : decimal_text(milli, Format::kDecimalSuffix);
}

std::partial_ordering compare_quantities(std::string_view left, std::string_view right) {
  const std::optional<Quantity> a = parse(left);
  const std::optional<Quantity> b = parse(right);
  if (!a || !b) return std::partial_ordering::unordered;
  if (a->milli == b->milli) return std::partial_ordering::equivalent;
  return a->milli < b->milli ? std::partial_ordering::less : std::partial_ordering::greater;
}

}  // namespace poolwright::api

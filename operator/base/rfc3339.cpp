#include "base/rfc3339.h"

namespace poolwright {

namespace {

/// `count` digits at `at`; nothing else may stand there.
std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count) {
  int number = 0;
  for (std::size_t i = at; i < at + count; ++i) {
    if (i >= text.size() || text[i] < '0' || text[i] > '9') return std::nullopt;
    number = number * 10 + (text[i] - '0');
  }
  return number;
}

/// "Z" or "+02:00", as minutes to take away.
std::optional<std::chrono::minutes> read_offset(std::string_view text) {
  if (text == "Z" || text == "z") return std::chrono::minutes{0};
  const bool has_form = text.size() == 6 && (text[0] == '+' || text[0] == '-') && text[3] == ':';
  const auto hours = has_form ? digits(text, 1, 2) : std::nullopt;
  const auto minutes = has_form ? digits(text, 4, 2) : std::nullopt;
  if (!hours || !minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  return std::chrono::minutes{(text[0] == '-' ? -1 : 1) * (*hours * 60 + *minutes)};
}

/// ".678901" as nanoseconds, taken off `text`; nothing where a point has no digits behind it.
std::optional<std::chrono::nanoseconds> take_fraction(std::string_view& text) {
  if (!text.starts_with('.')) return std::chrono::nanoseconds{0};
  text.remove_prefix(1);
  std::int64_t value = 0;
  std::int64_t unit = 100'000'000;
  bool any = false;
  for (; !text.empty() && text[0] >= '0' && text[0] <= '9'; text.remove_prefix(1), unit /= 10) {
    value += unit * (text[0] - '0');
    any = true;
  }
  return any ? std::optional(std::chrono::nanoseconds{value}) : std::nullopt;
}

}  // namespace

std::optional<WallTime> parse_rfc3339(std::string_view text) {
  constexpr std::string_view kForm = "0000-00-00T00:00:00";
  if (text.size() <= kForm.size()) return std::nullopt;
  for (const std::size_t at : {4U, 7U, 10U, 13U, 16U}) {
    if (text[at] != kForm[at]) return std::nullopt;
  }
  const auto year = digits(text, 0, 4);
  const auto month = digits(text, 5, 2);
  const auto day = digits(text, 8, 2);
  const auto hour = digits(text, 11, 2);
  const auto minute = digits(text, 14, 2);
  const auto second = digits(text, 17, 2);
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{*year}, std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  // Nanoseconds since 1970 end in 2262.
  if (!date.ok() || *year < 1700 || *year > 2200 || *hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
  text.remove_prefix(kForm.size());
  const auto fraction = take_fraction(text);
  const auto offset = read_offset(text);
  if (!fraction || !offset) return std::nullopt;
  const auto since = std::chrono::sys_days(date).time_since_epoch() + std::chrono::hours{*hour} +
                     std::chrono::minutes{*minute} + std::chrono::seconds{*second} - *offset;
  return WallTime{std::chrono::duration_cast<std::chrono::nanoseconds>(since) + *fraction};
}

}  // namespace poolwright

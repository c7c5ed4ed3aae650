#include "postgres/table.h"

#include <charconv>
#include <cmath>

namespace poolwright::postgres {

namespace {

constexpr std::size_t kValueBytesMax = 1024;  // of a text, and of a value that is quoted in an error
constexpr std::size_t kQuotedBytesMax = 40;

/// Length of the UTF-8 character at `at`, 0 if there is none.
std::size_t utf8_length(std::string_view bytes, std::size_t at) {
  const auto lead = static_cast<unsigned char>(bytes[at]);
  const std::size_t length = lead < 0x80   ? 1
                             : lead < 0xC2 ? 0
                             : lead < 0xE0 ? 2
                             : lead < 0xF0 ? 3
                             : lead < 0xF5 ? 4
                                           : 0;
  if (length == 0 || at + length > bytes.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((static_cast<unsigned char>(bytes[at + i]) & 0xC0U) != 0x80) return 0;
  }
  if (length < 3) return length;
  // Overlong forms, surrogates and what lies beyond Unicode.
  const auto second = static_cast<unsigned char>(bytes[at + 1]);
  const bool is_bad = (lead == 0xE0 && second < 0xA0) || (lead == 0xED && second >= 0xA0) ||
                      (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second >= 0x90);
  return is_bad ? 0 : length;
}

template <typename Number>
std::optional<Number> parse(const std::string& text) {
  Number number{};
  const char* end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, number);
  if (problem != std::errc{} || stop != end) return std::nullopt;
  return number;
}

}  // namespace

std::string printable(std::string_view bytes, std::size_t bytes_max) {
  std::string text;
  for (std::size_t at = 0; at < bytes.size();) {
    const auto lead = static_cast<unsigned char>(bytes[at]);
    const std::size_t length = utf8_length(bytes, at);
    if (text.size() + std::max<std::size_t>(length, 1) > bytes_max) break;
    if (lead == '\n' || lead == '\t' || lead == '\r') {
      text += ' ';
    } else if (length == 0 || lead < 0x20 || lead == 0x7F) {
      text += '?';
    } else {
      text.append(bytes.substr(at, length));
    }
    at += std::max<std::size_t>(length, 1);
  }
  return text;
}

std::optional<std::size_t> RowReader::find(std::string_view column) {
  const std::size_t count = table_->columns.size();
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = (next_ + i) % count;
    if (table_->columns[at] != column) continue;
    next_ = at + 1;
    return at;
  }
  return std::nullopt;
}

const std::string* RowReader::value(std::string_view column) {
  const auto at = find(column);
  if (!at) {
    fail(column, "is missing");
    return nullptr;
  }
  const auto& row = table_->rows[row_];
  if (*at >= row.size()) {
    fail(column, "has no value");
    return nullptr;
  }
  return &row[*at];
}

void RowReader::fail(std::string_view column, std::string_view problem) {
  if (error_) return;
  error_ = make_error(ErrorKind::kProtocol, "read row " + std::to_string(row_ + 1) + " of the answer: column " +
                                                std::string(column) + " " + std::string(problem));
}

std::string RowReader::text(std::string_view column) {
  const std::string* found = value(column);
  return found == nullptr ? "" : printable(*found, kValueBytesMax);
}

std::int64_t RowReader::integer(std::string_view column) {
  const std::string* found = value(column);
  if (found == nullptr) return 0;
  const auto number = parse<std::int64_t>(*found);
  if (!number) fail(column, "is no integer: '" + printable(*found, kQuotedBytesMax) + "'");
  return number.value_or(0);
}

std::int64_t RowReader::count(std::string_view column) {
  const std::int64_t number = integer(column);
  if (number < 0) fail(column, "is negative: " + std::to_string(number));
  return std::max<std::int64_t>(number, 0);
}

double RowReader::number(std::string_view column) {
  const std::string* found = value(column);
  if (found == nullptr) return 0;
  const auto number = parse<double>(*found);
  if (!number || !std::isfinite(*number)) {
    fail(column, "is no number: '" + printable(*found, kQuotedBytesMax) + "'");
    return 0;
  }
  return *number;
}

bool RowReader::flag(std::string_view column) {
  const std::string* found = value(column);
  if (found == nullptr) return false;
  if (*found == "1" || *found == "t" || *found == "yes") return true;
  if (*found != "0" && *found != "f" && *found != "no") {
    fail(column, "is neither yes nor no: '" + printable(*found, kQuotedBytesMax) + "'");
  }
  return false;
}

std::string_view RowReader::any_of(std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    if (has(name)) return name;
  }
  fail(*names.begin(), "is missing");
  return *names.begin();
}

std::optional<std::int64_t> RowReader::optional_count(std::string_view column) {
  const auto at = find(column);
  if (!at || *at >= table_->rows[row_].size() || table_->rows[row_][*at].empty()) return std::nullopt;
  return count(column);
}

Status RowReader::status() const {
  if (error_) return *error_;
  return ok();
}

}  // namespace poolwright::postgres

#include "pgbouncer/verify.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <string_view>

namespace poolwright::pgbouncer {

namespace {

constexpr const char* kAbsent = "(absent)";
constexpr const char* kPresent = "(present)";
constexpr const char* kConsoleDatabase = "pgbouncer";
// SHOW CONFIG prints times with six significant digits.
constexpr double kPrintedPrecision = 1e-5;

/// Settings whose values are words in any case.
constexpr std::array<std::string_view, 6> kEnumerations = {
    "pool_mode", "auth_type", "client_tls_sslmode", "server_tls_sslmode", "syslog_facility", "load_balance_hosts"};

/// Settings that hold free text: "1.0" and "1" are not the same there.
constexpr std::array<std::string_view, 5> kTexts = {"syslog_ident", "auth_query", "server_check_query",
                                                    "server_reset_query", "job_name"};

template <std::size_t N>
bool is_one_of(std::string_view key, const std::array<std::string_view, N>& keys) {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

std::string trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return "";
  return std::string(text.substr(first, text.find_last_not_of(kBlank) - first + 1));
}

/// 'it''s' -> it's, as PgBouncer reads a quoted value; other values as they are.
std::string unquoted(std::string_view text) {
  std::string whole = trimmed(text);
  if (whole.size() < 2 || whole.front() != '\'' || whole.back() != '\'') return whole;
  std::string plain;
  for (std::size_t i = 1; i + 1 < whole.size(); ++i) {
    plain += whole[i];
    if (whole[i] == '\'' && whole[i + 1] == '\'' && i + 2 < whole.size()) ++i;
  }
  return plain;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c); });
  return text;
}

std::optional<bool> boolean(const std::string& text) {
  const std::string word = lower(text);
  if (word == "1" || word == "on" || word == "yes" || word == "true") return true;
  if (word == "0" || word == "off" || word == "no" || word == "false") return false;
  return std::nullopt;
}

template <typename Number>
std::optional<Number> number(const std::string& text) {
  Number value{};
  const auto [stop, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{} || stop != text.data() + text.size()) return std::nullopt;
  return value;
}

bool equal_numbers(const std::string& expected, const std::string& actual) {
  const auto expected_integer = number<std::int64_t>(expected);
  const auto actual_integer = number<std::int64_t>(actual);
  if (expected_integer && actual_integer) return *expected_integer == *actual_integer;
  const auto wanted = number<double>(expected);
  const auto seen = number<double>(actual);
  if (!wanted || !seen || !std::isfinite(*wanted) || !std::isfinite(*seen)) return false;
  return std::abs(*wanted - *seen) <= kPrintedPrecision * std::max(std::abs(*wanted), std::abs(*seen));
}

bool equal_values(std::string_view key, const std::string& expected, const std::string& actual) {
  if (expected == actual) return true;
  if (is_one_of(key, kTexts)) return false;
  if (is_one_of(key, kEnumerations)) return lower(expected) == lower(actual);
  if (equal_numbers(expected, actual)) return true;
  const auto wanted = boolean(expected);
  return wanted && wanted == boolean(actual);
}

void add(VerifyResult& result, Difference difference) {
  auto& list = difference.needs_restart ? result.restart : result.reloadable;
  list.push_back(std::move(difference));
}

void verify_settings(const ExpectedConfig& expected, const LiveConfig& live, VerifyResult& result) {
  std::map<std::string_view, const ConfigRow*> rows;
  for (const ConfigRow& row : live.settings) rows[row.key] = &row;
  for (const auto& [key, written] : expected.settings) {
    const std::string wanted = unquoted(written);
    const auto found = rows.find(key);
    if (found == rows.end()) {
      add(result, {.key = key, .expected = wanted, .actual = kAbsent});
      continue;
    }
    const ConfigRow& row = *found->second;
    if (key == kMarkerKey) result.marker_matches = row.value == wanted;
    if (equal_values(key, wanted, row.value)) continue;
    add(result, {.key = key,
                 .expected = wanted,
                 .actual = row.value,
                 .is_default = row.default_value && equal_values(key, *row.default_value, row.value),
                 .needs_restart = !row.is_changeable});
  }
  const auto marker = rows.find(kMarkerKey);
  if (marker != rows.end()) result.marker = marker->second->value;
}

/// What SHOW DATABASES tells of an option of a database; none if it does not tell it.
std::optional<std::string> shown(const DatabaseRow& row, std::string_view option) {
  const auto text = [](const std::optional<std::int64_t>& value) {
    return value ? std::optional(std::to_string(*value)) : std::nullopt;
  };
  if (option == "host") return row.host;
  if (option == "port") return std::to_string(row.port);
  if (option == "dbname") return row.database;
  if (option == "user") return row.force_user;
  if (option == "pool_size") return std::to_string(row.pool_size);
  if (option == "min_pool_size") return std::to_string(row.min_pool_size);
  if (option == "reserve_pool" || option == "reserve_pool_size") return std::to_string(row.reserve_pool_size);
  if (option == "pool_mode") return row.pool_mode;
  if (option == "max_db_connections") return std::to_string(row.max_connections);
  if (option == "max_db_client_connections") return text(row.max_client_connections);
  if (option == "server_lifetime") return text(row.server_lifetime);
  if (option == "load_balance_hosts") return row.load_balance_hosts;
  return std::nullopt;
}

void verify_database(const ExpectedDatabase& expected, const DatabaseRow& row, VerifyResult& result) {
  const std::string prefix = "databases." + expected.name + ".";
  for (const auto& [option, written] : expected.options) {
    const auto actual = shown(row, option);
    const std::string wanted = unquoted(written);
    if (!actual || equal_values(option, wanted, *actual)) continue;
    add(result, {.key = prefix + option, .expected = wanted, .actual = *actual});
  }
  // PgBouncer keeps a forced user whose `user=` was taken away until it is restarted.
  if (!row.force_user.empty() && !expected.options.contains("user")) {
    add(result, {.key = prefix + "user", .expected = kAbsent, .actual = row.force_user, .needs_restart = true});
  }
}

void verify_databases(const ExpectedConfig& expected, const LiveConfig& live, VerifyResult& result) {
  std::map<std::string_view, const DatabaseRow*> rows;
  for (const DatabaseRow& row : live.databases) rows[row.name] = &row;
  rows.erase(kConsoleDatabase);
  for (const ExpectedDatabase& database : expected.databases) {
    const auto found = rows.find(database.name);
    if (found == rows.end()) {
      add(result, {.key = "databases." + database.name, .expected = kPresent, .actual = kAbsent});
      continue;
    }
    verify_database(database, *found->second, result);
    rows.erase(found);
  }
  for (const auto& [name, row] : rows) {
    add(result, {.key = "databases." + std::string(name), .expected = kAbsent, .actual = kPresent});
  }
}

}  // namespace

std::string option_of(const ExpectedDatabase& database, const std::string& option) {
  const auto found = database.options.find(option);
  return found == database.options.end() ? "" : unquoted(found->second);
}

VerifyResult verify(const ExpectedConfig& expected, const LiveConfig& live) {
  VerifyResult result;
  verify_settings(expected, live, result);
  verify_databases(expected, live, result);
  // Without a marker of its own a config is known by its values alone.
  if (!expected.settings.contains(kMarkerKey)) result.marker_matches = true;
  const bool is_user_there = std::find(live.users.begin(), live.users.end(), expected.user_marker) != live.users.end();
  if (!expected.user_marker.empty() && !is_user_there) {
    add(result, {.key = "users." + expected.user_marker, .expected = kPresent, .actual = kAbsent});
  }
  return result;
}

std::string describe(const std::vector<Difference>& differences, std::size_t entries_max) {
  std::string text;
  for (std::size_t i = 0; i < std::min(differences.size(), entries_max); ++i) {
    const Difference& difference = differences[i];
    if (i > 0) text += "; ";
    text += difference.key + " is " + difference.actual + ", not " + difference.expected;
    if (difference.is_default) text += " (fell back to the default)";
  }
  if (differences.size() > entries_max) text += "; and " + std::to_string(differences.size() - entries_max) + " more";
  return text;
}

}  // namespace poolwright::pgbouncer

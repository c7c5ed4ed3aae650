#include <algorithm>
#include <charconv>
#include <cstddef>
#include <utility>

#include "render/options.h"
#include "render/text.h"

namespace poolwright::render {

namespace {

constexpr std::size_t kParametersMax = 64;
constexpr std::size_t kValueBytesMax = 1024;
constexpr std::size_t kFractionDigitsMax = 6;  // PgBouncer keeps microseconds
/// First release in which a tracked search_path cannot be used to run SQL before login (CVE-2025-12819).
constexpr PgbouncerVersion kSearchPathFixed{1, 25, 1};
/// As server_check_query: send an empty query (1.25 and newer; before, it is sent as it stands).
constexpr std::string_view kEmptyQuery = "<empty>";
constexpr int kEmptyQueryFirstMinor = 25;
constexpr std::string_view kStatementVerbs[] = {"SELECT", "DISCARD", "RESET",    "DEALLOCATE",
                                                "CLOSE",  "SET",     "UNLISTEN", "ROLLBACK"};

bool is_option_name(std::string_view name) {
  const auto is_lower = [](char c) { return c >= 'a' && c <= 'z'; };
  return !name.empty() && is_lower(name.front()) && std::all_of(name.begin(), name.end(), [&](char c) {
    return is_lower(c) || (c >= '0' && c <= '9') || c == '_';
  });
}

/// 600 -> "600", 0.1 -> "0.1".
std::string number_text(double number) {
  char buffer[32];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, number, std::chars_format::fixed);
  return error == std::errc() ? std::string(buffer, end) : std::string();
}

std::string choices_text(const Option& option) { return join(split_list(option.choices, '|'), ", "); }

std::string allowed_values(const Option& option) {
  const std::string range = number_text(option.min) + " to " + number_text(option.max);
  switch (option.type) {
    case OptionType::kInteger:
      return "must be an integer from " + range;
    case OptionType::kSeconds:
      return "must be seconds from " + range + ", with at most 6 digits after the point";
    case OptionType::kBoolean:
      return "must be 0 or 1";
    case OptionType::kEnum:
      return "must be one of: " + choices_text(option);
    case OptionType::kList:
      return option.choices.empty() ? "must be a comma-separated list of parameter names ([A-Za-z0-9_.])"
                                    : "must be a comma-separated list of: " + choices_text(option);
    case OptionType::kCiphers:
      return "must be a colon-separated list of: " + choices_text(option);
    case OptionType::kSql:
      return "must be empty or one SQL statement without a semicolon that starts with SELECT, DISCARD, RESET, "
             "DEALLOCATE, "
             "CLOSE, SET, UNLISTEN or ROLLBACK";
    case OptionType::kText:
      break;
  }
  return "must be one line of at most 1024 bytes";
}

std::optional<std::string> canonical_number(const Option& option, std::string_view value) {
  const std::size_t point = std::min(value.find('.'), value.size());
  std::string_view fraction = value.substr(std::min(point + 1, value.size()));
  const bool has_fraction = point < value.size();
  if (!is_plain_integer(value.substr(0, point))) return std::nullopt;
  if (has_fraction) {
    const bool is_digits = std::all_of(fraction.begin(), fraction.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (option.type != OptionType::kSeconds || fraction.empty() || !is_digits) return std::nullopt;
    if (fraction.size() > kFractionDigitsMax) return std::nullopt;
  }
  double number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size()) return std::nullopt;
  if (number < option.min || number > option.max) return std::nullopt;
  while (!fraction.empty() && fraction.back() == '0') fraction.remove_suffix(1);
  std::string canonical(value.substr(0, point));
  if (!fraction.empty()) canonical.append(".").append(fraction);
  return canonical;
}

std::optional<std::string> canonical_choice(const Option& option, std::string_view value) {
  const std::vector<std::string> choices = split_list(option.choices, '|');
  const bool is_known = std::find(choices.begin(), choices.end(), value) != choices.end();
  return is_known ? std::optional<std::string>(value) : std::nullopt;
}

bool is_parameter_name(std::string_view name) {
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
  });
}

std::optional<std::string> canonical_list(const Option& option, std::string_view value, char separator) {
  const std::vector<std::string> parts = split_list(value, separator);
  for (const std::string& part : parts) {
    const bool is_allowed =
        option.choices.empty() ? is_parameter_name(part) : canonical_choice(option, part).has_value();
    if (!is_allowed) return std::nullopt;
  }
  // An empty list of names is meaningful (track nothing), an empty choice is not.
  if (parts.empty() && !option.choices.empty()) return std::nullopt;
  return join(parts, std::string_view(&separator, 1));
}

/// PgBouncer sends such a statement by itself, between the transactions of different clients: a second one in it could
/// open a transaction and leave it open, and one that the server refuses closes every connection.
bool is_one_statement(std::string_view sql) {
  if (sql.empty() || sql == kEmptyQuery) return true;
  if (sql.find(';') != std::string_view::npos) return false;
  std::string verb(sql.substr(0, sql.find(' ')));
  std::transform(verb.begin(), verb.end(), verb.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return std::find(std::begin(kStatementVerbs), std::end(kStatementVerbs), verb) != std::end(kStatementVerbs);
}

std::optional<std::string> canonical_text(const Option& option, std::string_view value) {
  while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  while (!value.empty() && value.back() == ' ') value.remove_suffix(1);
  if (option.type == OptionType::kSql && !is_one_statement(value)) return std::nullopt;
  return std::string(value);
}

std::optional<std::string> canonical_boolean(std::string_view value) {
  if (value == "0" || value == "false") return "0";
  if (value == "1" || value == "true") return "1";
  return std::nullopt;
}

std::optional<std::string> canonical_of(const Option& option, std::string_view value) {
  switch (option.type) {
    case OptionType::kInteger:
    case OptionType::kSeconds:
      return canonical_number(option, value);
    case OptionType::kBoolean:
      return canonical_boolean(value);
    case OptionType::kEnum:
      return canonical_choice(option, value);
    case OptionType::kList:
      return canonical_list(option, value, ',');
    case OptionType::kCiphers:
      return canonical_list(option, value, ':');
    case OptionType::kText:
    case OptionType::kSql:
      break;
  }
  return canonical_text(option, value);
}

/// What is wrong with one parameter, or "".
std::string parameter_error(const std::string& name, const std::string& value, const PgbouncerVersion& version) {
  if (!is_option_name(name)) return "must be the name of a PgBouncer option (^[a-z][a-z0-9_]*$)";
  const Option* option = find_option(Section::kPgbouncer, name);
  if (option == nullptr) return "must be an option of PgBouncer 1.18 to 1.26; there is none of this name";
  if (!option->owner.empty()) return "cannot be set here: " + std::string(option->owner);
  if (!exists_in(*option, version)) {
    return "exists in PgBouncer " + version_range(*option) + " only, and spec.pgbouncer.version is 1." +
           std::to_string(version.minor);
  }
  const auto canonical = canonical_value(*option, value);
  if (!canonical) return canonical.error().message;
  if (*canonical == kEmptyQuery && version.minor < kEmptyQueryFirstMinor)
    return "may be <empty> from PgBouncer 1.25 on";
  if (name == "track_extra_parameters" && version < kSearchPathFixed) {
    const std::vector<std::string> tracked = split_list(*canonical, ',');
    if (std::find(tracked.begin(), tracked.end(), "search_path") != tracked.end()) {
      return "must not have search_path before PgBouncer 1.25.1 (CVE-2025-12819)";
    }
  }
  return {};
}

}  // namespace

bool exists_in(const Option& option, const PgbouncerVersion& version) {
  return version.minor >= option.first_minor && version.minor <= option.last_minor;
}

std::string version_range(const Option& option) {
  return "1." + std::to_string(option.first_minor) + " to 1." + std::to_string(option.last_minor);
}

Result<std::string> canonical_value(const Option& option, std::string_view value) {
  if (value.size() > kValueBytesMax || !is_one_line(value)) {
    return make_error(ErrorKind::kInvalid, "must be one line of at most 1024 bytes without control characters");
  }
  auto canonical = canonical_of(option, value);
  if (!canonical) return make_error(ErrorKind::kInvalid, allowed_values(option));
  return *std::move(canonical);
}

std::string merged_startup_parameters(std::string_view user_value) {
  std::vector<std::string> merged = split_list(kIgnoredStartupParameters, ',');
  for (const std::string& name : split_list(user_value, ',')) {
    if (std::find(merged.begin(), merged.end(), name) == merged.end()) merged.push_back(name);
  }
  return join(merged, ",");
}

std::vector<api::FieldError> check_parameters(const std::map<std::string, std::string>& parameters,
                                              const PgbouncerVersion& version) {
  const std::string parent = "spec.pgbouncer.parameters";
  std::vector<api::FieldError> errors;
  if (parameters.size() > kParametersMax) {
    errors.push_back({.path = parent, .message = "must have at most 64 entries", .line = 0});
    return errors;
  }
  for (const auto& [name, value] : parameters) {
    std::string message = parameter_error(name, value, version);
    if (message.empty()) continue;
    // A name that is no option name may hold anything, so it is not repeated in the path.
    std::string path = parent;
    if (is_option_name(name)) path.append(".").append(name);
    errors.push_back({.path = std::move(path), .message = std::move(message), .line = 0});
  }
  return errors;
}

}  // namespace poolwright::render

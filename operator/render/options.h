// PgBouncer's options, 1.18 to 1.26: in which versions each exists, what values it takes, whether RELOAD changes it and
// who sets it. An option that is newer than the binary, or a value that it cannot read, ends the process at start and
// leaves a RELOAD half applied; so nothing is rendered that this table does not allow.
// Sources: src/main.c and src/loader.c of the releases, and SHOW CONFIG of 1.18.0, 1.24.1 and 1.26.1.
// Thread rule: pure functions over constants.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/field_error.h"
#include "base/result.h"
#include "render/version.h"

namespace poolwright::render {

enum class Section { kPgbouncer, kDatabases, kUsers };

enum class OptionType {
  kInteger,  // decimal, in [min, max]
  kSeconds,  // decimal with at most 6 digits after a point, in [min, max]
  kBoolean,  // 0 or 1; "true" and "false" are read as these
  kEnum,     // one of choices, case-insensitive to PgBouncer, written as in the table
  kList,     // comma-separated; each one of choices, or a lower-case name where choices is empty
  kCiphers,  // colon-separated names of OpenSSL, from choices
  kText,     // one line
  kSql,      // one statement without a semicolon; may be empty
};

struct Option {
  Section section = Section::kPgbouncer;
  std::string_view name;
  OptionType type = OptionType::kText;
  int first_minor = kMinorMin;  // first version 1.x that has it (18: or older)
  int last_minor = kMinorMax;   // last one that has it
  bool online = true;           // RELOAD changes it; else only a restart
  double min = 0;
  double max = 0;
  std::string_view choices = {};  // separated by '|'
  /// "" for a free option; else what the user sets instead, or why nobody does.
  std::string_view owner = {};
};

/// All options of a section, by name.
std::span<const Option> options(Section section);
/// nullptr for a name that no version has.
const Option* find_option(Section section, std::string_view name);
bool exists_in(const Option& option, const PgbouncerVersion& version);
/// "1.18 to 1.25", for messages.
std::string version_range(const Option& option);

/// What PgBouncer takes where the file is silent, as SHOW CONFIG tells it; "" also where the default is "not set".
std::string_view default_value(std::string_view pgbouncer_option, const PgbouncerVersion& version);

/// The value in the one form that we write and SHOW CONFIG gives back ("true" -> "1", "1.50" -> "1.5"), or what is
/// allowed.
Result<std::string> canonical_value(const Option& option, std::string_view value);

/// Startup parameters of clients that PgBouncer is always told to ignore: without `options` in a non-empty list,
/// versions before 1.26.1 can be occupied by one client before it logs in (CVE-2026-107349); the other is what JDBC
/// sends.
inline constexpr std::string_view kIgnoredStartupParameters = "extra_float_digits,options";
/// Ours and the user's, each once.
std::string merged_startup_parameters(std::string_view user_value);

/// spec.pgbouncer.parameters against the table: every error, with path and what is allowed. Empty where all are good.
std::vector<api::FieldError> check_parameters(const std::map<std::string, std::string>& parameters,
                                              const PgbouncerVersion& version);

}  // namespace poolwright::render

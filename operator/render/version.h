// Versions of PgBouncer: what a resource names ("1.26"), what a console tells ("1.24.1/bouncer"), and which published
// weaknesses a version has. Thread rule: pure functions over plain values.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace poolwright::render {

struct PgbouncerVersion {
  int major = 1;
  int minor = 0;
  int patch = 0;
  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 takes the comparison with 0 for a pointer
  friend auto operator<=>(const PgbouncerVersion&, const PgbouncerVersion&) = default;
};

/// The range that the option table covers.
inline constexpr int kMinorMin = 18;
inline constexpr int kMinorMax = 26;

/// "1.26", "1.24.1", "PgBouncer 1.18.0" and "1.24.1/bouncer"; a missing patch is 0. nullopt for anything else.
std::optional<PgbouncerVersion> parse_version(std::string_view text);
/// "1.24.1".
std::string to_string(const PgbouncerVersion& version);
/// Whether we know how to write its configuration.
bool is_supported(const PgbouncerVersion& version);

/// A published weakness. Distributions fix some in older versions: the version alone says "may be affected".
struct Vulnerability {
  std::string_view id;        // "CVE-2026-107350"
  PgbouncerVersion fixed_in;  // first release without it
  bool before_login = false;  // can be used without any credentials
  std::string_view effect;    // one sentence
};

/// What a PgBouncer of this version may be affected by, newest first.
std::vector<Vulnerability> known_vulnerabilities(const PgbouncerVersion& version);

}  // namespace poolwright::render

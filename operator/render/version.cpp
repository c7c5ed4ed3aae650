#include "render/version.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace poolwright::render {

namespace {

constexpr std::array kVulnerabilities = {
    Vulnerability{
        "CVE-2026-107350",
        {1, 26, 1},
        false,
        "a user of the auth_file with a SCRAM verifier may log in as any other one, the administrator included"},
    Vulnerability{"CVE-2026-107349",
                  {1, 26, 1},
                  true,
                  "one client can occupy the process where ignore_startup_parameters lacks options"},
    Vulnerability{
        "CVE-2026-107348", {1, 26, 1}, true, "one client can hang the process where max_packet_size is too large"},
    Vulnerability{"CVE-2026-19888", {1, 26, 0}, true, "a SCRAM message without a nonce crashes the process"},
    Vulnerability{
        "CVE-2026-6668", {1, 26, 0}, true, "one client can hang the process with the default max_packet_size"},
    Vulnerability{"CVE-2026-6669", {1, 26, 0}, false, "a server can hang the process by its SCRAM iteration count"},
    Vulnerability{"CVE-2026-6664", {1, 25, 2}, true, "a malformed SCRAM message crashes the process"},
    Vulnerability{"CVE-2026-6665", {1, 25, 2}, false, "a server can overflow the stack"},
    Vulnerability{"CVE-2026-6666", {1, 25, 2}, false, "a server can crash the process"},
    Vulnerability{"CVE-2026-6667", {1, 25, 2}, false, "a user of stats_users can kill client connections"},
    Vulnerability{"CVE-2025-12819",
                  {1, 25, 1},
                  true,
                  "a client can run SQL as auth_user where search_path is tracked and auth_query is unqualified"},
    Vulnerability{"CVE-2025-2291", {1, 24, 1}, false, "the default auth_query accepts passwords that have expired"},
};

/// Reads a number at the front of `text` and removes it; nullopt where there is none.
std::optional<int> take_number(std::string_view& text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0 || number > 9999) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

}  // namespace

std::optional<PgbouncerVersion> parse_version(std::string_view text) {
  take(text, "PgBouncer ");
  PgbouncerVersion version;
  const auto major = take_number(text);
  if (!major || !take(text, ".")) return std::nullopt;
  const auto minor = take_number(text);
  if (!minor) return std::nullopt;
  version.major = *major;
  version.minor = *minor;
  if (take(text, ".")) {
    const auto patch = take_number(text);
    if (!patch) return std::nullopt;
    version.patch = *patch;
  }
  take(text, "/bouncer");
  return text.empty() ? std::optional(version) : std::nullopt;
}

std::string to_string(const PgbouncerVersion& version) {
  return std::to_string(version.major) + "." + std::to_string(version.minor) + "." + std::to_string(version.patch);
}

bool is_supported(const PgbouncerVersion& version) {
  return version.major == 1 && version.minor >= kMinorMin && version.minor <= kMinorMax;
}

std::vector<Vulnerability> known_vulnerabilities(const PgbouncerVersion& version) {
  std::vector<Vulnerability> found;
  std::copy_if(kVulnerabilities.begin(), kVulnerabilities.end(), std::back_inserter(found),
               [&](const Vulnerability& known) { return version < known.fixed_in; });
  return found;
}

}  // namespace poolwright::render

#include "importer/settings.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "render/options.h"

namespace poolwright::importer {

namespace {

using render::Option;
using render::OptionType;
using render::Section;

struct TimeoutField {
  std::string_view option;
  std::int32_t api::Timeouts::*member;
  std::int32_t min;
  std::int32_t max;
};

constexpr std::array kTimeouts = std::to_array<TimeoutField>({
    {"query_wait_timeout", &api::Timeouts::query_wait_seconds, 1, 86400},
    {"server_idle_timeout", &api::Timeouts::server_idle_seconds, 0, 86400},
    {"server_connect_timeout", &api::Timeouts::server_connect_seconds, 1, 3600},
    {"server_lifetime", &api::Timeouts::server_lifetime_seconds, 0, 604800},
    {"client_idle_timeout", &api::Timeouts::client_idle_seconds, 0, 604800},
    {"idle_transaction_timeout", &api::Timeouts::idle_transaction_seconds, 0, 86400},
    {"transaction_timeout", &api::Timeouts::transaction_seconds, 0, 86400},
});

/// Numbers that the lines of databases fall back to, and the number of clients; each with PgBouncer's own default.
constexpr auto kNumbers = std::to_array<std::pair<const char*, int>>({{"default_pool_size", 20},
                                                                      {"min_pool_size", 0},
                                                                      {"reserve_pool_size", 0},
                                                                      {"max_db_connections", 0},
                                                                      {"max_client_conn", 100}});

/// Read by databases.cpp, by import.cpp, or here on a way of their own.
constexpr std::array<std::string_view, 17> kReadElsewhere = {
    "auth_file",           "auth_user",          "auth_query",        "client_tls_ca_file", "client_tls_cert_file",
    "client_tls_key_file", "client_tls_sslmode", "default_pool_size", "max_client_conn",    "max_db_connections",
    "min_pool_size",       "pool_mode",          "reserve_pool_size", "server_tls_ca_file", "server_tls_cert_file",
    "server_tls_key_file", "server_tls_sslmode"};

bool is_read_elsewhere(std::string_view option) {
  const auto is = [&](const TimeoutField& field) { return field.option == option; };
  return std::find(kReadElsewhere.begin(), kReadElsewhere.end(), option) != kReadElsewhere.end() ||
         std::any_of(kTimeouts.begin(), kTimeouts.end(), is);
}

class SettingsReader {
 public:
  SettingsReader(const Installation& installation, const render::PgbouncerVersion& version, std::vector<Note>& notes)
      : installation_(installation), version_(version), notes_(notes) {}

  SharedSettings read() {
    read_mode_and_clients();
    for (const TimeoutField& field : kTimeouts) read_timeout(field);
    read_server_tls();
    read_client_tls();
    for (const auto& [name, value] : installation_.pgbouncer) {
      if (!is_read_elsewhere(name)) read_parameter(name, value);
    }
    return std::move(result_);
  }

 private:
  void note(bool dropped, std::string_view option, std::string why) {
    const auto found = installation_.pgbouncer.find(std::string(option));
    const Place place = found == installation_.pgbouncer.end() ? Place{} : found->second.place;
    notes_.push_back({.dropped = dropped,
                      .place = place,
                      .subject = {.section = "pgbouncer", .name = {}, .key = std::string(option)},
                      .why = std::move(why)});
  }
  std::string value_of(std::string_view option) const { return effective(installation_, option, version_); }
  std::string given(const char* option) const {
    const auto found = installation_.pgbouncer.find(option);
    return found == installation_.pgbouncer.end() ? std::string() : found->second.text;
  }

  void read_mode_and_clients() {
    const auto mode = mode_of(value_of("pool_mode"));
    if (!mode) note(true, "pool_mode", "must be session, transaction or statement; session is taken");
    result_.pgbouncer.pool_mode = mode.value_or(api::PoolMode::kSession);
    for (const auto& [option, otherwise] : kNumbers) {
      if (whole_number(value_of(option))) continue;
      note(true, option, "must be a whole number; " + std::to_string(otherwise) + " is taken");
    }
    const std::int32_t clients = whole_number(value_of("max_client_conn")).value_or(100);
    result_.pgbouncer.max_client_connections = std::clamp(clients, 1, 100'000);
    if (clients != result_.pgbouncer.max_client_connections) {
      note(false, "max_client_conn", "must be from 1 to 100000");
    }
  }

  void read_timeout(const TimeoutField& field) {
    const std::string text = value_of(field.option);
    double seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error != std::errc() || end != text.data() + text.size() || !(std::abs(seconds) < 1e9)) {
      return note(true, field.option, "is no number of seconds; the default is taken");
    }
    const double whole = std::clamp(std::ceil(seconds), static_cast<double>(field.min), static_cast<double>(field.max));
    result_.pgbouncer.timeouts.*field.member = static_cast<std::int32_t>(whole);
    if (whole == seconds) return;
    note(false, field.option,
         "must be whole seconds from " + std::to_string(field.min) + " to " + std::to_string(field.max));
  }

  void read_server_tls() {
    static constexpr std::array<std::string_view, 6> kModes = {"disable", "allow",     "prefer",
                                                               "require", "verify-ca", "verify-full"};
    static constexpr std::array kTlsModes = {api::TlsMode::kDisable,  api::TlsMode::kPrefer,
                                             api::TlsMode::kPrefer,   api::TlsMode::kRequire,
                                             api::TlsMode::kVerifyCa, api::TlsMode::kVerifyFull};
    const std::string mode = lower(value_of("server_tls_sslmode"));
    const auto found = std::find(kModes.begin(), kModes.end(), mode);
    if (found == kModes.end()) return note(true, "server_tls_sslmode", "is no mode of TLS; prefer is taken");
    result_.tls.mode = kTlsModes.at(static_cast<std::size_t>(found - kModes.begin()));
    if (mode == "allow") note(false, "server_tls_sslmode", "Prefer is the nearest: TLS where the server has it");
    if (mode == "disable") return;
    result_.files.server_ca = given("server_tls_ca_file");
    result_.files.server_cert = given("server_tls_cert_file");
    result_.files.server_key = given("server_tls_key_file");
    const bool verifies = mode.starts_with("verify");
    if (verifies && result_.files.server_ca.empty()) {
      note(false, "server_tls_sslmode", "needs the CA in a Secret, which the file does not name");
      result_.files.server_ca = "?";
    }
  }

  void read_client_tls() {
    const std::string mode = lower(value_of("client_tls_sslmode"));
    if (mode == "disable") return;
    result_.files.client_cert = given("client_tls_cert_file");
    result_.files.client_key = given("client_tls_key_file");
    const Option* option = render::find_option(Section::kPgbouncer, "client_tls_sslmode");
    if (!render::canonical_value(*option, mode)) return note(true, "client_tls_sslmode", "is no mode of TLS");
    if (result_.files.client_cert.empty()) result_.files.client_cert = "?";
    if (mode.starts_with("verify")) result_.files.client_ca = given("client_tls_ca_file");
    if (mode.starts_with("verify") && result_.files.client_ca.empty()) result_.files.client_ca = "?";
    if (mode != "require") result_.pgbouncer.parameters["client_tls_sslmode"] = mode;
  }

  /// The value in the form that the table has, where only its writing differs.
  static std::string tidy(const Option& option, std::string value) {
    if (option.type == OptionType::kEnum || option.type == OptionType::kBoolean) return lower(value);
    if (option.type == OptionType::kSql && value.ends_with(';')) value.pop_back();
    return value;
  }

  void read_parameter(const std::string& name, const Value& value) {
    const Option* option = render::find_option(Section::kPgbouncer, name);
    if (option == nullptr) return note(true, name, "PgBouncer has no such option");
    if (!option->owner.empty()) return note(true, name, std::string(option->owner));
    if (!render::exists_in(*option, version_)) {
      return note(true, name,
                  "exists in PgBouncer " + render::version_range(*option) + " only, not in " + to_string(version_));
    }
    auto canonical = render::canonical_value(*option, tidy(*option, value.text));
    if (!canonical) return note(true, name, canonical.error().message);
    result_.pgbouncer.parameters[name] = *std::move(canonical);
  }

  const Installation& installation_;
  const render::PgbouncerVersion& version_;
  std::vector<Note>& notes_;
  SharedSettings result_;
};

}  // namespace

SharedSettings shared_settings(const Installation& installation, const render::PgbouncerVersion& version,
                               std::vector<Note>& notes) {
  SharedSettings result = SettingsReader(installation, version, notes).read();
  result.pgbouncer.version = "1." + std::to_string(version.minor);
  return result;
}

std::string effective(const Installation& installation, std::string_view option,
                      const render::PgbouncerVersion& version) {
  const auto found = installation.pgbouncer.find(std::string(option));
  if (found != installation.pgbouncer.end()) return found->second.text;
  return std::string(render::default_value(option, version));
}

std::optional<std::int32_t> whole_number(std::string_view text) {
  std::int32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<api::PoolMode> mode_of(std::string_view text) {
  const std::string mode = lower(text);
  if (mode == "session") return api::PoolMode::kSession;
  if (mode == "transaction") return api::PoolMode::kTransaction;
  if (mode == "statement") return api::PoolMode::kStatement;
  return std::nullopt;
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return result;
}

}  // namespace poolwright::importer

#include "render/credentials.h"

#include <algorithm>
#include <optional>

#include "base/digest.h"
#include "render/text.h"

namespace poolwright::render {

namespace {

constexpr std::size_t kConsolePasswordLength = 40;
constexpr std::size_t kPgbouncerPasswordBytes = 2048;  // MAX_PASSWORD, its end included, until 1.25
constexpr std::size_t kMd5VerifierLength = 35;         // "md5" and 32 hex digits
constexpr const char* kAdminUsernameKey = "admin-username";
constexpr const char* kAdminPasswordKey = "admin-password";
constexpr const char* kStatsUsernameKey = "stats-username";
constexpr const char* kStatsPasswordKey = "stats-password";

/// PgBouncer takes such a text for a verifier, whatever it was meant as, and then cannot log in with it.
bool is_verifier(std::string_view password) {
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); };
  const bool is_md5 = password.size() == kMd5VerifierLength && password.starts_with("md5") &&
                      std::all_of(password.begin() + 3, password.end(), is_hex);
  return is_md5 || password.starts_with("SCRAM-SHA-256$");
}

/// Value of a key of `data`; nullopt where it is missing or not base64.
std::optional<std::string> decoded(const api::Json& secret, const char* key) {
  const api::Json::json_pointer pointer = api::Json::json_pointer("/data") / key;
  if (!secret.is_object() || !secret.contains(pointer)) return std::nullopt;
  const api::Json& value = secret[pointer];
  return value.is_string() ? base64_decode(value.get<std::string>()) : std::nullopt;
}

Error missing_key(const api::Json& secret, const char* key) {
  return make_error(ErrorKind::kInvalid,
                    "Secret " + api::metadata_string(secret, "name") + " must have the key " + key);
}

Result<Credentials> read_pair(const api::Json& secret, const char* username_key, const char* password_key) {
  auto username = decoded(secret, username_key);
  if (!username) return missing_key(secret, username_key);
  auto password = decoded(secret, password_key);
  if (!password) return missing_key(secret, password_key);
  Credentials credentials{.username = *std::move(username), .password = SecretString(*std::move(password))};
  const Status status = check_credentials(credentials);
  if (!status) return with_context(status.error(), "Secret " + api::metadata_string(secret, "name"));
  return credentials;
}

}  // namespace

Status check_credentials(const Credentials& credentials) {
  const std::string& username = credentials.username;
  const std::string& password = credentials.password.reveal();
  const auto refuse = [](const char* message) { return make_error(ErrorKind::kInvalid, message); };
  if (username.empty() || username.size() > kUsernameBytesMax) return refuse("username must have 1 to 63 bytes");
  if (!is_one_line(username)) return refuse("username must be UTF-8 text without control characters or line breaks");
  if (username.front() == ' ' || username.back() == ' ') return refuse("username must not start or end with a space");
  if (username == kConsoleDatabase) return refuse("username must not be pgbouncer, which is PgBouncer's own");
  if (password.empty() || password.size() > kPasswordBytesMax) return refuse("password must have 1 to 1024 bytes");
  const auto quotes = static_cast<std::size_t>(std::count(password.begin(), password.end(), '"'));
  if (password.size() + quotes >= kPgbouncerPasswordBytes) {
    return refuse("password must have less than 2048 bytes, each double quote counted twice");
  }
  if (!is_one_line(password)) return refuse("password must be UTF-8 text without control characters or line breaks");
  if (is_verifier(password)) {
    return refuse("password must be in clear: PgBouncer cannot log in with an md5 or SCRAM verifier");
  }
  return ok();
}

Result<Credentials> read_credentials(const api::Json& secret) { return read_pair(secret, "username", "password"); }

ConsoleCredentials generate_console_credentials(Random& random) {
  return {
      .admin = {.username = kAdminUser, .password = SecretString(random_alphanumeric(random, kConsolePasswordLength))},
      .stats = {.username = kStatsUser, .password = SecretString(random_alphanumeric(random, kConsolePasswordLength))}};
}

api::Json console_secret_data(const ConsoleCredentials& console) {
  return {{kAdminUsernameKey, base64_encode(console.admin.username)},
          {kAdminPasswordKey, base64_encode(console.admin.password.reveal())},
          {kStatsUsernameKey, base64_encode(console.stats.username)},
          {kStatsPasswordKey, base64_encode(console.stats.password.reveal())}};
}

Result<ConsoleCredentials> read_console_credentials(const api::Json& secret) {
  ConsoleCredentials console;
  PW_ASSIGN_OR_RETURN(console.admin, read_pair(secret, kAdminUsernameKey, kAdminPasswordKey));
  PW_ASSIGN_OR_RETURN(console.stats, read_pair(secret, kStatsUsernameKey, kStatsPasswordKey));
  const bool has_our_names = console.admin.username == kAdminUser && console.stats.username == kStatsUser;
  if (!has_our_names) {
    return make_error(ErrorKind::kInvalid,
                      "Secret " + api::metadata_string(secret, "name") + " does not have the operator's console users");
  }
  return console;
}

}  // namespace poolwright::render

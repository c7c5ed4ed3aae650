#include "render/credentials.h"

#include <vector>

#include "api/credentials.h"
#include "base/digest.h"
#include "render/text.h"

namespace poolwright::render {

namespace {

constexpr std::size_t kConsolePasswordLength = 40;
constexpr const char* kAdminUsernameKey = "admin-username";
constexpr const char* kAdminPasswordKey = "admin-password";
constexpr const char* kPreviousAdminPasswordKey = "previous-admin-password";
constexpr const char* kStatsUsernameKey = "stats-username";
constexpr const char* kStatsPasswordKey = "stats-password";

/// Both keys are there and good.
std::string decoded(const api::Json& secret, const char* key) {
  return base64_decode(secret.at("data").at(key).get<std::string>()).value_or("");
}

Result<Credentials> read_pair(const api::Json& secret, const api::LoginKeys& keys) {
  const std::vector<std::string> errors = api::credential_errors(secret, keys);
  if (!errors.empty()) return make_error(ErrorKind::kInvalid, join(errors, "; "));
  return Credentials{.username = decoded(secret, keys.username),
                     .password = SecretString(decoded(secret, keys.password))};
}

}  // namespace

Status check_credentials(const Credentials& credentials) {
  if (const auto error = api::username_error(credentials.username)) {
    return make_error(ErrorKind::kInvalid, "username " + *error);
  }
  if (const auto error = api::password_error(credentials.password.reveal())) {
    return make_error(ErrorKind::kInvalid, "password " + *error);
  }
  return ok();
}

Result<Credentials> read_credentials(const api::Json& secret) { return read_pair(secret, {}); }

ConsoleCredentials generate_console_credentials(Random& random) {
  return {
      .admin = {.username = kAdminUser, .password = SecretString(random_alphanumeric(random, kConsolePasswordLength))},
      .stats = {.username = kStatsUser, .password = SecretString(random_alphanumeric(random, kConsolePasswordLength))}};
}

api::Json console_secret_data(const ConsoleCredentials& console) {
  api::Json data = {{kAdminUsernameKey, base64_encode(console.admin.username)},
                    {kAdminPasswordKey, base64_encode(console.admin.password.reveal())},
                    {kStatsUsernameKey, base64_encode(console.stats.username)},
                    {kStatsPasswordKey, base64_encode(console.stats.password.reveal())}};
  if (console.previous_admin_password) {
    data[kPreviousAdminPasswordKey] = base64_encode(console.previous_admin_password->reveal());
  }
  return data;
}

Result<ConsoleCredentials> read_console_credentials(const api::Json& secret) {
  ConsoleCredentials console;
  PW_ASSIGN_OR_RETURN(console.admin, read_pair(secret, {.username = kAdminUsernameKey, .password = kAdminPasswordKey}));
  PW_ASSIGN_OR_RETURN(console.stats, read_pair(secret, {.username = kStatsUsernameKey, .password = kStatsPasswordKey}));
  const bool has_our_names = console.admin.username == kAdminUser && console.stats.username == kStatsUser;
  if (!has_our_names) {
    return make_error(ErrorKind::kInvalid,
                      "Secret " + api::metadata_string(secret, "name") + " does not have the operator's console users");
  }
  const auto previous = read_pair(secret, {.username = kAdminUsernameKey, .password = kPreviousAdminPasswordKey});
  if (previous) console.previous_admin_password = previous->password;
  console.rotated_for = api::annotation(secret, kRotatedForAnnotation);
  return console;
}

}  // namespace poolwright::render

#include "api/credentials.h"

#include <algorithm>
#include <utility>

#include "api/text.h"
#include "base/digest.h"

namespace poolwright::api {

namespace {

constexpr std::size_t kPgbouncerPasswordBytes = 2048;  // MAX_PASSWORD, its end included, until 1.25

/// PgBouncer takes such a text for a verifier, whatever it was meant as, and then cannot log in with it.
bool is_verifier(std::string_view password) {
  constexpr std::string_view kHexDigits = "0123456789abcdefABCDEF";
  constexpr std::size_t kMd5Length = 35;  // "md5" and 32 hex digits
  if (password.starts_with("SCRAM-SHA-256$")) return true;
  return password.size() == kMd5Length && password.starts_with("md5") &&
         password.substr(3).find_first_not_of(kHexDigits) == std::string_view::npos;
}

std::optional<std::string> value_error(std::string_view value, std::size_t bytes_max) {
  if (value.empty()) return "must not be empty";
  if (value.size() > bytes_max) {
    return "must have at most " + std::to_string(bytes_max) + " bytes, got " + std::to_string(value.size());
  }
  if (!is_utf8(value)) return "must be UTF-8";
  if (value.starts_with("\xEF\xBB\xBF")) return "must not begin with a byte order mark";
  if (has_control_character(value, false)) {
    return "must not have control characters (is there a line feed at its end?)";
  }
  return std::nullopt;
}

std::optional<std::string> key_error(const Json& values, const char* key, decltype(username_error)& error_of) {
  const auto entry = values.find(key);
  if (entry == values.end() || entry->is_null()) return "is missing";
  if (!entry->is_string()) return "must be base64 text";
  const std::optional<std::string> value = base64_decode(entry->get_ref<const std::string&>());
  return value ? error_of(*value) : "must be base64 text";
}

}  // namespace

std::optional<std::string> username_error(std::string_view username) {
  if (std::optional<std::string> error = value_error(username, kUsernameBytesMax)) return error;
  if (username.front() == ' ' || username.back() == ' ') return "must not begin or end with a space";
  if (username == "pgbouncer") return "must not be pgbouncer, which is PgBouncer's own";
  return std::nullopt;
}

std::optional<std::string> password_error(std::string_view password) {
  if (std::optional<std::string> error = value_error(password, kPasswordBytesMax)) return error;
  const auto quotes = static_cast<std::size_t>(std::count(password.begin(), password.end(), '"'));
  if (password.size() + quotes >= kPgbouncerPasswordBytes) {
    return "must have less than 2048 bytes, each double quote counted twice";
  }
  if (is_verifier(password)) {
    return "must be the password itself, not its md5 or SCRAM verifier: PgBouncer logs in to PostgreSQL with it";
  }
  return std::nullopt;
}

std::vector<std::string> credential_errors(const Json& secret, const LoginKeys& keys) {
  const ObjectKey id = key_of(secret);
  const std::string who =
      to_string(ObjectKey{.api_version = "v1", .kind = "Secret", .namespace_name = id.namespace_name, .name = id.name});
  const Json values = secret.is_object() && secret.contains("data") ? secret["data"] : Json::object();
  if (!values.is_object() && !values.is_null()) return {who + ": data must be an object"};
  const Json& present = values.is_null() ? Json::object() : values;
  std::vector<std::string> errors;
  for (const auto& [key, error_of] : {std::pair{keys.username, &username_error}, {keys.password, &password_error}}) {
    if (const std::optional<std::string> error = key_error(present, key, *error_of)) {
      errors.push_back(who + ": key " + key + " " + *error);
    }
  }
  return errors;
}

}  // namespace poolwright::api

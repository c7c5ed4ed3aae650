#include "api/credentials.h"

#include <optional>
#include <string_view>

#include "api/text.h"
#include "base/digest.h"

namespace poolwright::api {

namespace {

/// Hash that PostgreSQL stores: "md5" and 32 hex digits, or "SCRAM-SHA-256$...".
bool is_verifier(std::string_view password) {
  constexpr std::string_view kHexDigits = "0123456789abcdef";
  constexpr std::size_t kMd5Length = 35;
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

std::optional<std::string> key_error(const Json& values, const char* key, std::size_t bytes_max) {
  const auto entry = values.find(key);
  if (entry == values.end() || entry->is_null()) return "is missing";
  if (!entry->is_string()) return "must be base64 text";
  const std::optional<std::string> value = base64_decode(entry->get_ref<const std::string&>());
  if (!value) return "must be base64 text";
  if (std::optional<std::string> error = value_error(*value, bytes_max)) return error;
  if (std::string_view(key) == "password" && is_verifier(*value)) {
    return "must be the password itself, not its md5 or SCRAM verifier: PgBouncer logs in to PostgreSQL with it";
  }
  return std::nullopt;
}

}  // namespace

std::vector<std::string> credential_errors(const Json& secret) {
  const ObjectKey key = key_of(secret);
  const std::string who = to_string(
      ObjectKey{.api_version = "v1", .kind = "Secret", .namespace_name = key.namespace_name, .name = key.name});
  const Json values = secret.is_object() && secret.contains("data") ? secret["data"] : Json::object();
  if (!values.is_object() && !values.is_null()) return {who + ": data must be an object"};
  const Json& present = values.is_null() ? Json::object() : values;
  std::vector<std::string> errors;
  for (const auto& [name, bytes_max] : {std::pair{"username", kUsernameBytesMax}, {"password", kPasswordBytesMax}}) {
    if (const std::optional<std::string> error = key_error(present, name, bytes_max)) {
      errors.push_back(who + ": key " + name + " " + *error);
    }
  }
  return errors;
}

}  // namespace poolwright::api

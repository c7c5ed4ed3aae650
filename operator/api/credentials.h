// What a login must be like, so that PgBouncer, PostgreSQL and every reader of a URL can carry it; and the check of a
// Secret that should hold one, before anything is made of it. The only place that knows these rules.
// Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/object.h"

namespace poolwright::api {

/// Longest values accepted, in bytes: a role name of PostgreSQL, and a password that fits PgBouncer's 2048 bytes with
/// its quotes doubled (one of 1024 quotes does not, and is refused).
inline constexpr std::size_t kUsernameBytesMax = 63;
inline constexpr std::size_t kPasswordBytesMax = 1024;

/// What is wrong with a value, to be read after its name: "must not be empty". Never holds a part of the value.
std::optional<std::string> username_error(std::string_view username);
std::optional<std::string> password_error(std::string_view password);

/// The keys of a Secret that hold a login.
struct LoginKeys {
  const char* username = "username";
  const char* password = "password";
};

/// Every reason why the Secret cannot serve as a login. Messages name the Secret and the key and never hold a part of
/// the value: "Secret shop/orders-app: key password is missing". Empty where it is good. Other keys are not looked at.
std::vector<std::string> credential_errors(const Json& secret, const LoginKeys& keys = {});

}  // namespace poolwright::api

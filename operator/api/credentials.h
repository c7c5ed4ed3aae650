// Checks a Secret with the keys username and password before anything is made of it. Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "api/object.h"

namespace poolwright::api {

inline constexpr std::size_t kUsernameBytesMax = 63;
inline constexpr std::size_t kPasswordBytesMax = 1024;

/// Every reason why the Secret cannot serve as the login of a pool. Messages name the Secret and the key and never hold
/// a part of the value: "Secret shop/orders-app: key password is missing". Empty where it is good. Other keys are not
/// looked at.
std::vector<std::string> credential_errors(const Json& secret);

}  // namespace poolwright::api

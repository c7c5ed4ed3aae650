// SHA-256 and base64 of byte strings (OpenSSL).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace poolwright {

/// 64 lower-case hex digits.
std::string sha256_hex(std::string_view bytes);

/// Standard alphabet with padding (RFC 4648 section 4), as in Secret.data.
std::string base64_encode(std::string_view bytes);
/// Strict inverse; nullopt for anything that base64_encode could not have written.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace poolwright

#include "serve/authenticator.h"

#include <openssl/crypto.h>

#include <algorithm>

#include "base/digest.h"

namespace poolwright::serve {
namespace {

/// Takes the same time wherever the two differ.
bool is_same(const std::string& a, const std::string& b) {
  const std::string left = sha256_hex(a);
  const std::string right = sha256_hex(b);
  return CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

std::string right_key(const std::string& digest, std::string_view verb, std::string_view path) {
  return digest + " " + std::string(verb) + " " + std::string(path);
}

bool is_refusal(const Error& error) {
  return error.kind == ErrorKind::kUnauthorized || error.kind == ErrorKind::kForbidden;
}

}  // namespace

Result<StaticTokenAuthenticator> StaticTokenAuthenticator::create(SecretString token) {
  if (token.reveal().size() < kTokenBytesMin) {
    return make_error(ErrorKind::kInvalid,
                      "the token must have at least " + std::to_string(kTokenBytesMin) + " characters");
  }
  return StaticTokenAuthenticator(std::move(token));
}

std::string right_path(std::string_view path) {
  constexpr std::string_view kPrefix = "/api/admin/";
  return std::string(path.starts_with(kPrefix) ? path.substr(kPrefix.size() - 1) : path);
}

Result<Identity> StaticTokenAuthenticator::authorize(const SecretString& token, std::string_view /*verb*/,
                                                     std::string_view /*path*/) {
  if (!is_same(token.reveal(), token_.reveal())) {
    return make_error(ErrorKind::kUnauthorized, "the token is not the one that this server was started with");
  }
  return Identity{.user = "local"};
}

std::optional<Result<Identity>> StaticTokenAuthenticator::cached(const SecretString& token, std::string_view verb,
                                                                 std::string_view path) {
  return authorize(token, verb, path);
}

template <typename T>
std::optional<Result<T>> ReviewingAuthenticator::recall(const Memory<T>& memory, const std::string& key) const {
  const auto found = memory.find(key);
  if (found == memory.end() || clock_.now() >= found->second.until) return std::nullopt;
  return found->second.answer;
}

template <typename T>
void ReviewingAuthenticator::remember(Memory<T>& memory, const std::string& key, const Result<T>& answer,
                                      Duration age) {
  const MonotonicTime now = clock_.now();
  if (memory.size() >= kEntriesMax)
    std::erase_if(memory, [now](const auto& entry) { return now >= entry.second.until; });
  if (memory.size() >= kEntriesMax) {
    memory.erase(std::min_element(memory.begin(), memory.end(),
                                  [](const auto& a, const auto& b) { return a.second.asked_at < b.second.asked_at; }));
  }
  memory.insert_or_assign(key, Remembered<T>{.answer = answer, .until = now + age, .asked_at = now});
}

Result<Identity> ReviewingAuthenticator::identify(const std::string& digest, const SecretString& token) {
  {
    const MutexLock lock(mutex_);
    if (auto known = recall(identities_, digest)) return *std::move(known);
  }
  Result<Identity> answer = tokens_.review(token);
  if (answer.has_value() || answer.error().kind == ErrorKind::kUnauthorized) {
    const MutexLock lock(mutex_);
    remember(identities_, digest, answer, kTokenAge);
  }
  return answer;
}

Status ReviewingAuthenticator::allow(const std::string& key, const Identity& identity, std::string_view verb,
                                     std::string_view path) {
  {
    const MutexLock lock(mutex_);
    if (auto known = recall(rights_, key)) return *std::move(known);
  }
  Status answer = access_.review(identity, verb, path);
  if (answer.has_value() || answer.error().kind == ErrorKind::kForbidden) {
    const MutexLock lock(mutex_);
    remember(rights_, key, answer, answer.has_value() ? kAllowAge : kDenyAge);
  }
  return answer;
}

Result<Identity> ReviewingAuthenticator::authorize(const SecretString& token, std::string_view verb,
                                                   std::string_view path) {
  const std::string digest = sha256_hex(token.reveal());
  PW_ASSIGN_OR_RETURN(Identity identity, identify(digest, token));
  PW_RETURN_IF_ERROR(allow(right_key(digest, verb, path), identity, verb, path));
  return identity;
}

std::optional<Result<Identity>> ReviewingAuthenticator::cached(const SecretString& token, std::string_view verb,
                                                               std::string_view path) {
  const std::string digest = sha256_hex(token.reveal());
  const MutexLock lock(mutex_);
  std::optional<Result<Identity>> identity = recall(identities_, digest);
  if (!identity) return std::nullopt;
  if (!identity->has_value()) return is_refusal(identity->error()) ? identity : std::nullopt;
  const std::optional<Status> right = recall(rights_, right_key(digest, verb, path));
  if (!right) return std::nullopt;
  if (!right->has_value()) return Result<Identity>(right->error());
  return identity;
}

}  // namespace poolwright::serve

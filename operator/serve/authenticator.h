// Who may read. One question: may the bearer of this token do this? Kubernetes answers it in the cluster (TokenReview
// and SubjectAccessReview, behind two small interfaces), a static token answers it in local mode. Whatever cannot be
// answered is an error: nothing is let through for lack of an answer.
// Thread rule: every implementation may be called from any thread. authorize() may block; cached() never does.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/result.h"
#include "base/secret.h"

namespace poolwright::serve {

/// Whoever a token belongs to, as the API server names it.
struct Identity {
  std::string user;  // "system:serviceaccount:monitoring:prometheus"
  std::string uid;
  std::vector<std::string> groups;
  std::map<std::string, std::vector<std::string>> extra;
  friend bool operator==(const Identity&, const Identity&) = default;
};

/// By which nonResourceURL a path is allowed: what follows "/api/admin". Kubernetes gives everybody who has any token
/// the right to `get` /api/* (ClusterRole system:discovery), so a right to a path below /api would be no right at all.
std::string right_path(std::string_view path);

class Authenticator {
 public:
  virtual ~Authenticator() = default;
  /// `verb` is a lower-case HTTP method, `path` a right_path(). Errors: kUnauthorized (the token is not valid),
  /// kForbidden (it is, the right is missing), anything else: nobody can tell now.
  virtual Result<Identity> authorize(const SecretString& token, std::string_view verb, std::string_view path) = 0;
  /// The answer where it needs no waiting; nullopt: authorize() must be asked.
  virtual std::optional<Result<Identity>> cached(const SecretString& token, std::string_view verb,
                                                 std::string_view path) = 0;
};

/// One token for everything that there is to read; for local mode.
class StaticTokenAuthenticator final : public Authenticator {
 public:
  static constexpr std::size_t kTokenBytesMin = 16;

  /// Error kInvalid: the token is shorter than kTokenBytesMin.
  static Result<StaticTokenAuthenticator> create(SecretString token);

  Result<Identity> authorize(const SecretString& token, std::string_view verb, std::string_view path) override;
  std::optional<Result<Identity>> cached(const SecretString& token, std::string_view verb,
                                         std::string_view path) override;

 private:
  explicit StaticTokenAuthenticator(SecretString token) : token_(std::move(token)) {}

  SecretString token_;
};

/// "Whose token is this?" (TokenReview). kUnauthorized: nobody's.
class TokenReviewer {
 public:
  virtual ~TokenReviewer() = default;
  virtual Result<Identity> review(const SecretString& token) = 0;
};

/// "May they?" for a path that is no Kubernetes resource (SubjectAccessReview, nonResourceAttributes).
/// kForbidden: they may not; the message tells the reason that the API server gave, if any.
class AccessReviewer {
 public:
  virtual ~AccessReviewer() = default;
  virtual Status review(const Identity& identity, std::string_view verb, std::string_view path) = 0;
};

/// Asks both reviewers and remembers their answers, for as long as the API servers of Kubernetes do. Tokens are
/// remembered as digests only. A failure to answer is never remembered.
class ReviewingAuthenticator final : public Authenticator {
 public:
  static constexpr Duration kTokenAge{60000};  // how long a revoked token may still be taken
  static constexpr Duration kAllowAge{300000};
  static constexpr Duration kDenyAge{30000};
  static constexpr std::size_t kEntriesMax = 4096;  // of each memory; then the oldest answer is forgotten

  /// All three outlive the authenticator.
  ReviewingAuthenticator(TokenReviewer& tokens, AccessReviewer& access, const Clock& clock)
      : tokens_(tokens), access_(access), clock_(clock) {}

  Result<Identity> authorize(const SecretString& token, std::string_view verb, std::string_view path) override;
  std::optional<Result<Identity>> cached(const SecretString& token, std::string_view verb,
                                         std::string_view path) override;

 private:
  template <typename T>
  struct Remembered {
    Result<T> answer;
    MonotonicTime until{};
    MonotonicTime asked_at{};
  };
  template <typename T>
  using Memory = std::map<std::string, Remembered<T>>;

  template <typename T>
  std::optional<Result<T>> recall(const Memory<T>& memory, const std::string& key) const PW_REQUIRES(mutex_);
  template <typename T>
  void remember(Memory<T>& memory, const std::string& key, const Result<T>& answer, Duration age) PW_REQUIRES(mutex_);

  Result<Identity> identify(const std::string& digest, const SecretString& token);
  Status allow(const std::string& key, const Identity& identity, std::string_view verb, std::string_view path);

  TokenReviewer& tokens_;
  AccessReviewer& access_;
  const Clock& clock_;
  mutable Mutex mutex_;
  Memory<Identity> identities_ PW_GUARDED_BY(mutex_);
  Memory<Unit> rights_ PW_GUARDED_BY(mutex_);
};

}  // namespace poolwright::serve

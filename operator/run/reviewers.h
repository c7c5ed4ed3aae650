// Asks the API server whose token it is and what they may: serve's two interfaces over TokenReview and
// SubjectAccessReview. Whatever goes wrong with asking is an error of its own, never an answer: a refusal of our own
// rights must not look like one of the caller's.
// Thread rule: any thread; blocks until kReviewLimit at most. The client and clock outlive it.
#pragma once

#include <stop_token>

#include "kube/client.h"
#include "serve/authenticator.h"

namespace poolwright::run {

class KubeReviewers final : public serve::TokenReviewer, public serve::AccessReviewer {
 public:
  static constexpr Duration kReviewLimit = std::chrono::seconds{5};

  KubeReviewers(kube::Client& client, const Clock& clock) : client_(client), clock_(clock) {}

  Result<serve::Identity> review(const SecretString& token) override;
  Status review(const serve::Identity& identity, std::string_view verb, std::string_view path) override;
  /// Ends reviews that run; later ones fail.
  void stop() { stop_.request_stop(); }

 private:
  Result<api::Json> ask(const api::Json& question, const char* what);

  kube::Client& client_;
  const Clock& clock_;
  std::stop_source stop_;
};

/// What the API server's answer to a TokenReview says. Thread rule: pure.
Result<serve::Identity> identity_of(const api::Json& token_review);
/// What the API server's answer to a SubjectAccessReview says. Thread rule: pure.
Status access_of(const api::Json& access_review, const serve::Identity& identity, std::string_view verb,
                 std::string_view path);

}  // namespace poolwright::run

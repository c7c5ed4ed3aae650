#include "run/web.h"

#include <fstream>
#include <optional>
#include <utility>

#include "base/log.h"

namespace poolwright::run {

/// Who answers who may read.
struct Web::Doorman {
  Doorman(kube::Client& client, const Clock& clock) {
    reviewers.emplace(client, clock);
    reviewing.emplace(*reviewers, *reviewers, clock);
  }
  explicit Doorman(serve::StaticTokenAuthenticator token) : one_token(std::move(token)) {}

  serve::Authenticator& authenticator() {
    return one_token ? static_cast<serve::Authenticator&>(*one_token) : *reviewing;
  }

  std::optional<KubeReviewers> reviewers;
  std::optional<serve::ReviewingAuthenticator> reviewing;
  std::optional<serve::StaticTokenAuthenticator> one_token;
};

Result<serve::StaticTokenAuthenticator> read_token_file(const std::string& path) {
  constexpr std::size_t kTokenBytesMax = 4096;
  std::ifstream file(path);
  if (!file) return make_error(ErrorKind::kNotFound, "token file " + path + ": it cannot be read");
  std::string token(kTokenBytesMax + 1, '\0');
  file.read(token.data(), static_cast<std::streamsize>(token.size()));
  token.resize(static_cast<std::size_t>(file.gcount()));
  if (token.size() > kTokenBytesMax) {
    return make_error(ErrorKind::kInvalid,
                      "token file " + path + ": must have at most " + std::to_string(kTokenBytesMax) + " bytes");
  }
  while (!token.empty() && (token.back() == '\n' || token.back() == '\r')) token.pop_back();
  auto made = serve::StaticTokenAuthenticator::create(SecretString(std::move(token)));
  if (!made) return with_context(std::move(made).error(), "token file " + path);
  return made;
}

Result<std::unique_ptr<Web>> Web::make(const WebSettings& settings, const serve::Source& source, kube::Client* client,
                                       const Clock& clock) {
  std::unique_ptr<Doorman> doorman;
  if (!settings.token_file.empty()) {
    PW_ASSIGN_OR_RETURN(auto token, read_token_file(settings.token_file));
    doorman = std::make_unique<Doorman>(std::move(token));
  } else if (client != nullptr) {
    doorman = std::make_unique<Doorman>(*client, clock);
  } else {
    return make_error(ErrorKind::kInvalid, "without an API server to ask, a token file must say who may read");
  }
  return std::unique_ptr<Web>(new Web(settings, source, std::move(doorman), clock));
}

Web::Web(const WebSettings& settings, const serve::Source& source, std::unique_ptr<Doorman> doorman, const Clock& clock)
    : doorman_(std::move(doorman)), server_(settings.server, source, doorman_->authenticator(), clock) {}

Web::~Web() = default;

Status Web::start() {
  PW_RETURN_IF_ERROR(server_.start());
  log_info("web_listens", {{"port", static_cast<int>(server_.port())}});
  return ok();
}

void Web::stop() {
  if (doorman_->reviewers) doorman_->reviewers->stop();
  server_.stop(kStopGrace);
}

}  // namespace poolwright::run

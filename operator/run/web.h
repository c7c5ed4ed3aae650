// The web server of a run: who may read is answered by the API server, or by one token from a file.
// Thread rule: start and stop from one thread. Everything that is passed in outlives it.
#pragma once

#include <memory>
#include <string>

#include "kube/client.h"
#include "run/reviewers.h"
#include "serve/authenticator.h"
#include "serve/server.h"

namespace poolwright::run {

struct WebSettings {
  bool is_on = true;
  serve::ServerOptions server;
  /// A file with the one token that may read everything; "": the API server is asked.
  std::string token_file;
};

/// The token in a file, without the line end. kNotFound, or kInvalid where it is too short or no token.
Result<serve::StaticTokenAuthenticator> read_token_file(const std::string& path);

class Web {
 public:
  /// `client` may be null where the settings name a token file.
  static Result<std::unique_ptr<Web>> make(const WebSettings& settings, const serve::Source& source,
                                           kube::Client* client, const Clock& clock);
  ~Web();
  Web(const Web&) = delete;
  Web& operator=(const Web&) = delete;

  /// kInvalid: address or certificate; kUnavailable: the port is taken.
  Status start();
  void stop();
  std::uint16_t port() const { return server_.port(); }

 private:
  static constexpr Duration kStopGrace{2000};

  struct Doorman;
  Web(const WebSettings& settings, const serve::Source& source, std::unique_ptr<Doorman> doorman, const Clock& clock);

  const std::unique_ptr<Doorman> doorman_;
  serve::Server server_;
};

}  // namespace poolwright::run

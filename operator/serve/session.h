// One connection: reads requests, asks its host for answers, writes them. Everything runs on the host's one thread.
// Thread rule: one thread. The host outlives its sessions.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "base/secret.h"
#include "serve/request.h"
#include "serve/server.h"

namespace poolwright::serve {

class Session {
 public:
  virtual ~Session() = default;
  virtual void start() = 0;
  /// Ends the connection without another word.
  virtual void close() = 0;
};

/// A complete request without the protocol.
struct Request {
  std::string target;
  std::optional<SecretString> token;  // of "Authorization: Bearer ..."
};

/// What a session asks of the server.
class SessionHost {
 public:
  virtual ~SessionHost() = default;
  /// The session waits for a request from now on: it may be closed to make room.
  virtual void waits(Session& session) = 0;
  /// A request is complete: the session is not closed to make room.
  virtual void works(Session& session) = 0;
  virtual void ended(Session& session) = 0;
  /// Calls on_answer once, now or later, on the host's thread.
  virtual void respond(Request request, std::function<void(Answer)> on_answer) = 0;
  virtual bool is_stopping() const = 0;
  virtual const ServerLimits& limits() const = 0;
};

/// Without a context the connection is plain.
std::shared_ptr<Session> make_session(boost::asio::ip::tcp::socket socket,
                                      std::shared_ptr<boost::asio::ssl::context> context, SessionHost& host);

}  // namespace poolwright::serve

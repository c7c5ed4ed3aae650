#include "serve/server.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <exception>
#include <functional>
#include <list>
#include <thread>
#include <unordered_map>
#include <utility>

#include "base/log.h"
#include "serve/review_pool.h"
#include "serve/routes.h"
#include "serve/session.h"
#include "serve/tls_context.h"

namespace poolwright::serve {
namespace {

namespace net = boost::asio;
using boost::system::error_code;
using Tcp = net::ip::tcp;

/// Well before a year, the validity of a certificate of our own, is over.
constexpr std::chrono::hours kSelfSignedAge{24 * 240};

Answer unauthorized(std::string_view message) {
  Answer answer = refusal(401, message);
  answer.headers.emplace("WWW-Authenticate", "Bearer realm=\"poolwright\"");
  return answer;
}

Answer not_now(std::string_view message) {
  Answer answer = refusal(503, message);
  answer.headers.emplace("Retry-After", "2");
  return answer;
}

/// The refusal for whoever may not, or may not now.
Answer refusal_for(const Error& error, const std::string& path) {
  switch (error.kind) {
    case ErrorKind::kUnauthorized:
      return unauthorized(error.message + ": send 'Authorization: Bearer <token>' with a valid token");
    case ErrorKind::kForbidden:
      return refusal(
          403, error.message + ": it needs a ClusterRole with the verb 'get' on the nonResourceURL '" + path + "'");
    default:
      log_warning("authorization_unavailable", {{"path", path}, {"error", describe(error)}});
      return not_now("nobody can tell now whether you may read this: try again");
  }
}

}  // namespace

class Server::Loop final : public SessionHost {
 public:
  Loop(ServerOptions options, const Source& source, Authenticator& authenticator, const Clock& clock)
      : options_(std::move(options)), clock_(clock), authenticator_(authenticator), routes_(source, clock) {}

  Status start();
  void stop(Duration grace);
  std::uint16_t port() const { return port_; }
  Status set_certificate(const Certificate& certificate);

  void waits(Session& session) override;
  void works(Session& session) override;
  void ended(Session& session) override;
  void respond(Request request, std::function<void(Answer)> on_answer) override;
  bool is_stopping() const override { return is_stopping_; }
  const ServerLimits& limits() const override { return options_.limits; }

 private:
  struct Entry {
    bool is_waiting = false;
    std::list<Session*>::iterator place;
  };

  using Decide = std::function<Answer(const Result<Identity>&)>;
  using OnIdentity = std::function<void(Result<Identity>)>;

  OnIdentity back_here(Decide decide, std::function<void(Answer)> on_answer);
  Status listen();
  Status first_certificate();
  void check_certificate_later();
  void check_certificate();
  void accept();
  void on_accept(const error_code& error, Tcp::socket socket);
  void accept_after_pause();
  bool make_room();
  static void run(const std::function<void()>& handlers);
  void refuse_new_work();

  const ServerOptions options_;
  const Clock& clock_;
  Authenticator& authenticator_;
  Routes routes_;

  // Before io_: sessions that end with it still tell so. Of the web thread.
  std::unordered_map<Session*, Entry> sessions_;
  std::list<Session*> waiting_;  // longest first
  bool is_accepting_ = false;
  bool is_stopping_ = false;
  Mutex mutex_;
  ConditionVariable all_ended_;
  std::size_t open_ PW_GUARDED_BY(mutex_) = 0;

  net::io_context io_{1};
  net::executor_work_guard<net::io_context::executor_type> work_{io_.get_executor()};
  Tcp::acceptor acceptor_{io_};
  net::steady_timer accept_timer_{io_};
  net::steady_timer certificate_timer_{io_};
  std::uint16_t port_ = 0;

  // Of the web thread.
  std::shared_ptr<net::ssl::context> tls_;
  std::optional<Certificate> tried_;  // the newest certificate from the files, usable or not
  WallTime made_at_{};                // of the certificate of our own

  std::unique_ptr<ReviewPool> reviews_;
  std::jthread thread_;
};

Status Server::Loop::start() {
  PW_RETURN_IF_ERROR(listen());
  if (options_.tls != TlsSource::kOff) {
    PW_RETURN_IF_ERROR(first_certificate());
    check_certificate_later();
  }
  reviews_ = std::make_unique<ReviewPool>(authenticator_, kReviewThreads, options_.limits.reviews_max);
  accept();
  thread_ = std::jthread([this] { run([this] { io_.run(); }); });
  return ok();
}

Status Server::Loop::listen() {
  error_code error;
  const auto address = net::ip::make_address(options_.address, error);
  if (error) return make_error(ErrorKind::kInvalid, "listen on '" + options_.address + "': it must be an IP address");
  const Tcp::endpoint endpoint(address, options_.port);
  acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(Tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(Tcp::acceptor::max_listen_connections, error);
  if (error) {
    return make_error(ErrorKind::kUnavailable,
                      "listen on " + options_.address + ":" + std::to_string(options_.port) + ": " + error.message());
  }
  port_ = acceptor_.local_endpoint(error).port();
  return ok();
}

Status Server::Loop::first_certificate() {
  const bool is_own = options_.tls == TlsSource::kSelfSigned;
  made_at_ = clock_.wall_now();
  PW_ASSIGN_OR_RETURN(Certificate certificate, is_own ? make_self_signed_certificate(options_.server_names, made_at_)
                                                      : read_certificate(options_.files));
  PW_ASSIGN_OR_RETURN(tls_, make_tls_context(certificate));
  tried_ = std::move(certificate);
  return ok();
}

void Server::Loop::check_certificate_later() {
  certificate_timer_.expires_after(options_.certificate_check);
  certificate_timer_.async_wait([this](const error_code& error) {
    if (error) return;
    check_certificate();
    check_certificate_later();
  });
}

void Server::Loop::check_certificate() {
  const bool is_own = options_.tls == TlsSource::kSelfSigned;
  if (is_own && clock_.wall_now() - made_at_ < kSelfSignedAge) return;
  Result<Certificate> newest = is_own ? make_self_signed_certificate(options_.server_names, clock_.wall_now())
                                      : read_certificate(options_.files);
  if (!newest.has_value()) {
    log_warning("certificate_unreadable", {{"error", describe(newest.error())}});
    return;
  }
  if (tried_ == *newest) return;
  tried_ = *newest;
  made_at_ = clock_.wall_now();
  auto context = make_tls_context(*newest);
  if (!context.has_value()) {
    log_warning("certificate_refused", {{"error", describe(context.error())}});
    return;
  }
  tls_ = *std::move(context);
  log_info("certificate_replaced");
}

Status Server::Loop::set_certificate(const Certificate& certificate) {
  PW_ASSIGN_OR_RETURN(auto context, make_tls_context(certificate));
  net::post(io_, [this, context = std::move(context)] { tls_ = context; });
  return ok();
}

void Server::Loop::accept() {
  is_accepting_ = true;
  acceptor_.async_accept([this](const error_code& error, Tcp::socket socket) { on_accept(error, std::move(socket)); });
}

void Server::Loop::on_accept(const error_code& error, Tcp::socket socket) {
  is_accepting_ = false;
  if (is_stopping_ || error == net::error::operation_aborted) return;
  if (error) {
    log_warning("accept_failed", {{"error", error.message()}});
    return accept_after_pause();
  }
  error_code ignored;
  socket.set_option(Tcp::no_delay(true), ignored);
  const std::shared_ptr<Session> session = make_session(std::move(socket), tls_, *this);
  sessions_.emplace(session.get(), Entry{});
  {
    const MutexLock lock(mutex_);
    ++open_;
  }
  session->start();
  if (make_room()) accept();
}

/// Out of file descriptors, or of memory for sockets: trying again at once would only burn CPU.
void Server::Loop::accept_after_pause() {
  accept_timer_.expires_after(options_.limits.accept_pause);
  accept_timer_.async_wait([this](const error_code& error) {
    if (!error && !is_stopping_ && !is_accepting_) accept();
  });
}

/// Whether one more connection may be accepted now; if not, the end of a session accepts it.
bool Server::Loop::make_room() {
  if (sessions_.size() < options_.limits.connections_max) return true;
  if (waiting_.empty()) return false;
  Session* longest = waiting_.front();
  works(*longest);  // off the list: it is not closed twice
  longest->close();
  return true;
}

void Server::Loop::waits(Session& session) {
  Entry& entry = sessions_[&session];
  if (entry.is_waiting) waiting_.erase(entry.place);
  entry = {.is_waiting = true, .place = waiting_.insert(waiting_.end(), &session)};
}

void Server::Loop::works(Session& session) {
  Entry& entry = sessions_[&session];
  if (entry.is_waiting) waiting_.erase(entry.place);
  entry = {};
}

void Server::Loop::ended(Session& session) {
  works(session);
  sessions_.erase(&session);
  if (!is_accepting_ && !is_stopping_ && sessions_.size() < options_.limits.connections_max) accept();
  const MutexLock lock(mutex_);
  --open_;
  all_ended_.notify_all();
}

/// Moves everything on to the web thread: a session must not end on another one.
Server::Loop::OnIdentity Server::Loop::back_here(Decide decide, std::function<void(Answer)> on_answer) {
  return [this, decide = std::move(decide), on_answer = std::move(on_answer)](Result<Identity> identity) mutable {
    net::post(io_, [decide = std::move(decide), on_answer = std::move(on_answer), identity = std::move(identity)] {
      on_answer(decide(identity));
    });
  };
}

void Server::Loop::respond(Request request, std::function<void(Answer)> on_answer) {
  const Result<Target> target = parse_target(request.target);
  if (!target.has_value()) return on_answer(refusal(400, target.error().message));
  const std::optional<Access> access = routes_.access(target->path);
  if (!access) return on_answer(refusal(404, "there is nothing at " + target->path));
  if (*access == Access::kPublic) return on_answer(routes_.answer(*target));
  if (!request.token) {
    return on_answer(
        unauthorized("there is no token: send 'Authorization: Bearer <token>', in a cluster for example "
                     "one of 'kubectl create token <service account>'"));
  }
  const std::string right = right_path(target->path);
  const Decide decide = [this, target = *target, right](const Result<Identity>& identity) {
    return identity.has_value() ? routes_.answer(target) : refusal_for(identity.error(), right);
  };
  // The end of stop() runs what had been read before: by then the pool takes no question any more.
  if (is_stopping_) return on_answer(not_now("the operator is stopping"));
  if (const auto known = authenticator_.cached(*request.token, "get", right)) return on_answer(decide(*known));
  const bool is_asked = reviews_->ask(
      {.token = *std::move(request.token), .verb = "get", .path = right, .on_answer = back_here(decide, on_answer)});
  if (!is_asked) on_answer(not_now("too many requests wait for the answer to who may read this: try again"));
}

/// `handlers` runs handlers of the loop; an exception ends one of them, and with it the connection that it was for.
void Server::Loop::run(const std::function<void()>& handlers) {
  for (bool is_done = false; !is_done;) {
    try {
      handlers();
      is_done = true;
    } catch (const std::exception& exception) {
      log_error("web_thread_exception", {{"error", exception.what()}});
    }
  }
}

void Server::Loop::refuse_new_work() {
  is_stopping_ = true;
  error_code ignored;
  acceptor_.close(ignored);
  accept_timer_.cancel();
  certificate_timer_.cancel();
  for (Session* session : std::list<Session*>(waiting_)) session->close();
  work_.reset();
}

void Server::Loop::stop(Duration grace) {
  if (!thread_.joinable()) return;
  net::post(io_, [this] { refuse_new_work(); });
  {
    const MutexLock lock(mutex_);
    all_ended_.wait_for(mutex_, grace, [this]() PW_REQUIRES(mutex_) { return open_ == 0; });
  }
  io_.stop();
  thread_.join();
  reviews_->stop();
  // From here on this is the web thread: what is left of the connections ends now.
  refuse_new_work();
  for (const auto& entry : std::unordered_map<Session*, Entry>(sessions_)) entry.first->close();
  io_.restart();
  run([this] { io_.poll(); });
}

Server::Server(ServerOptions options, const Source& source, Authenticator& authenticator, const Clock& clock)
    : loop_(std::make_unique<Loop>(std::move(options), source, authenticator, clock)) {}

Server::~Server() { stop(Duration{0}); }

Status Server::start() { return loop_->start(); }
void Server::stop(Duration grace) { loop_->stop(grace); }
std::uint16_t Server::port() const { return loop_->port(); }
Status Server::set_certificate(const Certificate& certificate) { return loop_->set_certificate(certificate); }

}  // namespace poolwright::serve

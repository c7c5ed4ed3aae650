#include "kube/cpprest_transport.h"

// Boost 1.74's asio uses std::exchange without including <utility>.
#include <utility>
//
#include <cpprest/http_client.h>
#include <openssl/ssl.h>
#include <pplx/threadpool.h>

#include <csignal>
#include <cstdlib>
#include <mutex>

#include "base/log.h"
#include "kube/credential_source.h"
#include "kube/reception.h"
#include "kube/server_url.h"
#include "kube/tls.h"

namespace poolwright::kube {

namespace {

using web::http::client::http_client;
using web::http::client::http_client_config;

/// The library's interface for writing an answer somewhere, reduced to "take these bytes". The library's own ways to
/// read an answer have no limit, or cost a task per line.
class ReceptionBuffer final : public concurrency::streams::details::streambuf_state_manager<std::uint8_t> {
 public:
  explicit ReceptionBuffer(std::shared_ptr<Reception> reception)
      : streambuf_state_manager(std::ios_base::out), reception_(std::move(reception)) {}

  bool can_seek() const override { return false; }
  bool has_size() const override { return false; }
  std::size_t buffer_size(std::ios_base::openmode /*mode*/) const override { return 0; }
  void set_buffer_size(std::size_t /*size*/, std::ios_base::openmode /*mode*/) override {}
  std::size_t in_avail() const override { return 0; }
  pos_type getpos(std::ios_base::openmode /*mode*/) const override { return traits::eof(); }
  pos_type seekpos(pos_type /*pos*/, std::ios_base::openmode /*mode*/) override { return traits::eof(); }
  pos_type seekoff(off_type /*offset*/, std::ios_base::seekdir /*way*/, std::ios_base::openmode /*mode*/) override {
    return traits::eof();
  }
  bool acquire(std::uint8_t*& pointer, std::size_t& count) override {
    pointer = nullptr;
    count = 0;
    return false;
  }
  void release(std::uint8_t* /*pointer*/, std::size_t /*count*/) override {}

 protected:
  pplx::task<int_type> _putc(std::uint8_t byte) override {
    return write(&byte, 1).then([byte](std::size_t) { return static_cast<int_type>(byte); });
  }
  pplx::task<std::size_t> _putn(const std::uint8_t* bytes, std::size_t count) override { return write(bytes, count); }
  pplx::task<int_type> _bumpc() override { return pplx::task_from_result<int_type>(traits::eof()); }
  int_type _sbumpc() override { return traits::eof(); }
  pplx::task<int_type> _getc() override { return pplx::task_from_result<int_type>(traits::eof()); }
  int_type _sgetc() override { return traits::eof(); }
  pplx::task<int_type> _nextc() override { return pplx::task_from_result<int_type>(traits::eof()); }
  pplx::task<int_type> _ungetc() override { return pplx::task_from_result<int_type>(traits::eof()); }
  pplx::task<std::size_t> _getn(std::uint8_t* /*to*/, std::size_t /*count*/) override {
    return pplx::task_from_result<std::size_t>(0);
  }
  std::size_t _scopy(std::uint8_t* /*to*/, std::size_t /*count*/) override { return 0; }
  pplx::task<bool> _sync() override { return pplx::task_from_result(true); }
  std::uint8_t* _alloc(std::size_t /*count*/) override { return nullptr; }
  void _commit(std::size_t /*count*/) override {}

 private:
  pplx::task<std::size_t> write(const std::uint8_t* bytes, std::size_t count) {
    if (reception_->on_bytes({reinterpret_cast<const char*>(bytes), count})) return pplx::task_from_result(count);
    return pplx::task_from_exception<std::size_t>(std::runtime_error("the receiver has enough"));
  }

  const std::shared_ptr<Reception> reception_;
};

/// Counts the requests in flight: the library would open a connection for each of them.
class Slots {
 public:
  explicit Slots(int count) : free_(count) {}

  bool acquire(const CallLimits& limits) {
    const MutexLock lock(mutex_);
    freed_.wait_for(mutex_, limits.stop, limits.deadline.left(), [&]() PW_REQUIRES(mutex_) { return free_ > 0; });
    if (free_ == 0) return false;
    --free_;
    return true;
  }
  void release() {
    const MutexLock lock(mutex_);
    ++free_;
    freed_.notify_one();
  }

 private:
  Mutex mutex_;
  ConditionVariable freed_;
  int free_ PW_GUARDED_BY(mutex_);
};

/// Connections that share credentials and age. Requests keep the generation that they began with.
struct Generation {
  std::shared_ptr<const Credentials> credentials;
  std::shared_ptr<const TlsSetup> tls;  // null without TLS
  MonotonicTime made_at;
  http_client unary;
  http_client streams;
};

web::http::method method_of(Method method) { return std::string(to_string(method)); }

std::optional<Duration> retry_after_of(const web::http::http_response& response) {
  constexpr int kLongest = 3600;
  const auto found = response.headers().find("Retry-After");
  if (found == response.headers().end() || found->second.empty() || found->second.size() > 4) return std::nullopt;
  int seconds = 0;
  for (const char c : found->second) {
    if (c < '0' || c > '9') return std::nullopt;  // a date: nobody here sends one
    seconds = seconds * 10 + (c - '0');
  }
  return std::chrono::seconds{std::min(seconds, kLongest)};
}

/// What a task chain ended with. The library loses the category of error codes, so that only the words can be kept.
Status outcome_of(const pplx::task<web::http::http_response>& task) {
  try {
    task.get();
    return ok();
  } catch (const pplx::task_canceled&) {
    return make_error(ErrorKind::kCancelled, "ended by us");
  } catch (const std::exception& error) {
    return make_error(ErrorKind::kUnavailable, std::string("no answer: ") + error.what());
  } catch (...) {
    return make_error(ErrorKind::kUnavailable, "no answer");
  }
}

/// Sends, and tells `reception` what comes. Every chain ends in a continuation that takes any exception: one that
/// nobody looks at would end the process. `keep` lives until then.
void start_exchange(http_client& client, const web::http::http_request& request, const pplx::cancellation_token& token,
                    const std::shared_ptr<Reception>& reception, std::shared_ptr<const void> keep) {
  try {
    client.request(request, token)
        .then([reception](const web::http::http_response& response) {
          reception->on_status(response.status_code(), retry_after_of(response));
          return response.content_ready();
        })
        .then([reception, keep = std::move(keep)](const pplx::task<web::http::http_response>& task) {
          reception->on_end(outcome_of(task));
        });
  } catch (const std::exception& error) {
    reception->on_end(make_error(ErrorKind::kUnavailable, std::string("not sent: ") + error.what()));
  }
}

class CpprestStream final : public Stream {
 public:
  ~CpprestStream() override { cancel_.cancel(); }
  pplx::cancellation_token token() const { return cancel_.get_token(); }

 private:
  pplx::cancellation_token_source cancel_;
};

}  // namespace

void prepare_process() {
  static std::once_flag once;
  std::call_once(once, [] {
    // Each connection would parse the system's whole bundle of authorities (27 ms, 1 MB), only for it to be replaced.
    setenv("SSL_CERT_FILE", "/dev/null", 1);           // NOLINT(concurrency-mt-unsafe): before any thread
    setenv("SSL_CERT_DIR", "/nonexistent", 1);         // NOLINT(concurrency-mt-unsafe): before any thread
    setenv("RES_OPTIONS", "timeout:1 attempts:2", 0);  // NOLINT(concurrency-mt-unsafe): before any thread
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &ignore, nullptr);
    // Else OpenSSL is torn down at exit while the threads of the pool, which end later, still use it.
    OPENSSL_init_ssl(OPENSSL_INIT_NO_ATEXIT, nullptr);
    crossplat::threadpool::initialize_with_threads(2);
  });
}

struct CpprestTransport::State {
  /// Holds a slot, and the client, until the exchange has ended. That may be after its caller gave up: a name look-up
  /// cannot be interrupted.
  struct InFlight {
    explicit InFlight(std::shared_ptr<State> of) : state(std::move(of)) {}
    ~InFlight() { state->slots.release(); }
    InFlight(const InFlight&) = delete;
    InFlight& operator=(const InFlight&) = delete;

    const std::shared_ptr<State> state;
    std::shared_ptr<http_client> client;
  };

  State(const ClusterConfig& cluster, ServerUrl server, const Clock& time, const CpprestOptions& settings)
      : url(std::move(server)),
        name(cluster.server_name),
        clock(time),
        options(settings),
        credentials(cluster, time, settings.credentials_age_max) {}

  Result<std::shared_ptr<Generation>> generation_now();
  Result<std::shared_ptr<Generation>> make_generation(std::shared_ptr<const Credentials> with, const Generation* last);
  http_client_config client_config(const std::shared_ptr<const TlsSetup>& tls, Duration idle) const;
  web::http::http_request http_request(const Request& request, const Credentials& with,
                                       const std::shared_ptr<Reception>& reception) const;
  std::shared_ptr<http_client> client_for(const Request& request, const std::shared_ptr<Generation>& from) const;
  void retire(const std::shared_ptr<Generation>& used);

  const ServerUrl url;
  const std::string name;  // in the certificate, where it is not the host
  const Clock& clock;
  const CpprestOptions options;
  CredentialSource credentials;
  Slots slots{kInFlightMax};
  Mutex mutex;
  std::shared_ptr<Generation> generation PW_GUARDED_BY(mutex);
};

http_client_config CpprestTransport::State::client_config(const std::shared_ptr<const TlsSetup>& tls,
                                                          Duration idle) const {
  http_client_config config;
  config.set_timeout(idle);
  config.set_max_redirects(0);
  if (tls != nullptr) {
    config.set_ssl_context_callback([tls](boost::asio::ssl::context& context) {
      if (!tls->apply_to(context.native_handle())) log_error("tls_setup_failed", {});
    });
  }
  return config;
}

Result<std::shared_ptr<Generation>> CpprestTransport::State::make_generation(std::shared_ptr<const Credentials> with,
                                                                             const Generation* last) {
  std::shared_ptr<const TlsSetup> tls;
  if (last != nullptr && with->has_same_tls(*last->credentials)) {
    tls = last->tls;
  } else if (url.is_tls) {
    PW_ASSIGN_OR_RETURN(tls, TlsSetup::make(*with, name.empty() ? url.host : name));
  }
  try {
    const web::uri address(url.text);
    return std::make_shared<Generation>(Generation{.credentials = std::move(with),
                                                   .tls = tls,
                                                   .made_at = clock.now(),
                                                   .unary = {address, client_config(tls, options.unary_idle)},
                                                   .streams = {address, client_config(tls, options.stream_idle)}});
  } catch (const std::exception& error) {
    return make_error(ErrorKind::kInvalid, "API server " + url.text + ": " + error.what());
  }
}

Result<std::shared_ptr<Generation>> CpprestTransport::State::generation_now() {
  PW_ASSIGN_OR_RETURN(auto with, credentials.current());
  const MutexLock lock(mutex);
  const bool is_usable = generation != nullptr && clock.now() - generation->made_at < options.rebuild_after &&
                         with->has_same_tls(*generation->credentials);
  if (!is_usable) {
    PW_ASSIGN_OR_RETURN(generation, make_generation(std::move(with), generation.get()));
  } else if (generation->credentials != with) {
    // Only the token is new: connections stay. Requests in flight keep the old generation with its token.
    generation = std::make_shared<Generation>(*generation);
    generation->credentials = std::move(with);
  }
  return generation;
}

/// After a failure other connections of the same age are likely dead, too; a request with a body would fail on each of
/// them.
void CpprestTransport::State::retire(const std::shared_ptr<Generation>& used) {
  const MutexLock lock(mutex);
  if (generation == used) generation.reset();
}

web::http::http_request CpprestTransport::State::http_request(const Request& request, const Credentials& with,
                                                              const std::shared_ptr<Reception>& reception) const {
  web::http::http_request message(method_of(request.method));
  message.set_request_uri(request.query.empty() ? request.path : request.path + "?" + request.query);
  if (!request.body.empty()) message.set_body(request.body, request.content_type);
  message.headers().add("Accept", request.accept);
  message.headers().add("User-Agent", "poolwright");
  // The library checks the certificate against this header as it stands, so it must be the name alone, without the
  // port.
  if (!name.empty()) message.headers().add("Host", name);
  if (!with.token.empty()) message.headers().add("Authorization", "Bearer " + with.token.reveal());
  auto buffer = std::make_shared<ReceptionBuffer>(reception);
  message.set_response_stream(concurrency::streams::ostream(concurrency::streams::streambuf<std::uint8_t>(buffer)));
  return message;
}

/// A client of its own has no connection that was used before, and only on those the library sends a request twice.
std::shared_ptr<http_client> CpprestTransport::State::client_for(const Request& request,
                                                                 const std::shared_ptr<Generation>& from) const {
  if (request.on_fresh_connection || request.method == Method::kPost) {
    return std::make_shared<http_client>(from->unary.base_uri(), client_config(from->tls, options.unary_idle));
  }
  return {from, &from->unary};
}

CpprestTransport::CpprestTransport(std::shared_ptr<State> state) : state_(std::move(state)) {}
CpprestTransport::~CpprestTransport() = default;

Result<std::unique_ptr<CpprestTransport>> CpprestTransport::make(const ClusterConfig& config, const Clock& clock,
                                                                 const CpprestOptions& options) {
  PW_ASSIGN_OR_RETURN(auto url, parse_server_url(config.server));
  auto state = std::make_shared<State>(config, std::move(url), clock, options);
  auto first = state->generation_now();
  if (!first) return with_context(first.error(), config.origin);
  return std::unique_ptr<CpprestTransport>(new CpprestTransport(std::move(state)));
}

Result<Response> CpprestTransport::unary(const Request& request, const CallLimits& limits) {
  const auto ended = [&] {
    return limits.stop.stop_requested() ? make_error(ErrorKind::kCancelled, "ended by us")
                                        : make_error(ErrorKind::kDeadlineExceeded, "no answer within the deadline");
  };
  if (!state_->slots.acquire(limits)) return ended();
  const auto in_flight = std::make_shared<State::InFlight>(state_);
  PW_ASSIGN_OR_RETURN(const auto generation, state_->generation_now());
  if (limits.deadline.passed() || limits.stop.stop_requested()) return ended();

  in_flight->client = state_->client_for(request, generation);
  const auto reception = std::make_shared<UnaryReception>(request.response_bytes_max);
  const pplx::cancellation_token_source cancel;
  start_exchange(*in_flight->client, state_->http_request(request, *generation->credentials, reception),
                 cancel.get_token(), reception, in_flight);

  auto answer = reception->await(limits);
  if (!answer) {
    cancel.cancel();
    return ended();
  }
  if (!*answer && answer->error().kind == ErrorKind::kUnavailable) state_->retire(generation);
  return std::move(*answer);
}

std::unique_ptr<Stream> CpprestTransport::open(const Request& request, std::shared_ptr<StreamSink> sink) {
  auto stream = std::make_unique<CpprestStream>();
  const auto generation = state_->generation_now();
  if (!generation) {
    sink->on_end(generation.error());
    return stream;
  }
  const auto reception = std::make_shared<StreamReception>(std::move(sink), request.line_bytes_max);
  start_exchange((*generation)->streams, state_->http_request(request, *(*generation)->credentials, reception),
                 stream->token(), reception, *generation);
  return stream;
}

void CpprestTransport::renew() {
  state_->credentials.expire();
  const MutexLock lock(state_->mutex);
  state_->generation.reset();
}

}  // namespace poolwright::kube

#include "serve/session.h"

#include <algorithm>
#include <array>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>

namespace poolwright::serve {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
namespace net = boost::asio;
namespace ssl = boost::asio::ssl;

using Parser = http::request_parser<http::empty_body>;
using Fields = Parser::value_type;
using Reply = http::response<http::span_body<const char>>;

constexpr std::size_t kReadBytes = 4096;
constexpr std::size_t kLingerBytesMax = 1024 * 1024;
constexpr std::string_view kBearer = "Bearer ";

/// What the protocol alone refuses.
std::optional<Answer> protocol_refusal(const Parser& parser) {
  const Fields& fields = parser.get();
  const bool has_length = fields.count(http::field::content_length) > 0;
  if (has_length && fields.count(http::field::transfer_encoding) > 0) {
    return refusal(400, "a request must not have both Content-Length and Transfer-Encoding");
  }
  if (parser.chunked() || parser.content_length().value_or(0) > 0) {
    return refusal(413, "requests here must not have a body");
  }
  if (fields.version() >= 11 && fields.count(http::field::host) != 1) {
    return refusal(400, "a request must have one Host header");
  }
  if (fields.count(http::field::authorization) > 1) {
    return refusal(400, "a request must have one Authorization header at most");
  }
  if (fields.method() != http::verb::get && fields.method() != http::verb::head) {
    Answer answer = refusal(405, "the method must be GET or HEAD");
    answer.headers.emplace("Allow", "GET, HEAD");
    return answer;
  }
  if (fields.target().size() > kTargetBytesMax) {
    return refusal(414, "the target must have at most " + std::to_string(kTargetBytesMax) + " characters");
  }
  return std::nullopt;
}

Answer parse_refusal(const beast::error_code& error) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return refusal(431, "the header is too large");
  }
  return refusal(400, "this is no HTTP request that can be answered: " + error.message());
}

std::optional<SecretString> bearer_token(const Fields& fields) {
  const auto found = fields.find(http::field::authorization);
  if (found == fields.end()) return std::nullopt;
  const std::string_view value(found->value().data(), found->value().size());
  if (value.size() <= kBearer.size() || !beast::iequals(found->value().substr(0, kBearer.size()), kBearer.data())) {
    return std::nullopt;
  }
  return SecretString(std::string(value.substr(kBearer.size())));
}

/// One exchange after the other over a plain or a TLS stream.
template <typename Stream>
class Connection final : public Session, public std::enable_shared_from_this<Connection<Stream>> {
 public:
  template <typename... Arguments>
  explicit Connection(SessionHost& host, Arguments&&... arguments)
      : host_(host), stream_(std::forward<Arguments>(arguments)...) {
    buffer_.max_size(host.limits().header_bytes_max + kReadBytes);
  }
  ~Connection() override { host_.ended(*this); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void start() override {
    host_.waits(*this);
    if constexpr (kIsTls) {
      lowest().expires_after(host_.limits().handshake);
      stream_.async_handshake(ssl::stream_base::server, [self = self()](const beast::error_code& error) {
        if (!error) self->read_header();
      });
    } else {
      read_header();
    }
  }

  void close() override { lowest().close(); }

 private:
  static constexpr bool kIsTls = !std::is_same_v<Stream, beast::tcp_stream>;

  std::shared_ptr<Connection> self() { return this->shared_from_this(); }
  beast::tcp_stream& lowest() { return beast::get_lowest_layer(stream_); }

  /// Between two requests: the short time for a header begins with its first byte.
  void wait_for_next() {
    host_.waits(*this);
    if (buffer_.size() > 0) return read_header();
    lowest().expires_after(host_.limits().idle);
    stream_.async_read_some(buffer_.prepare(kReadBytes),
                            [self = self()](const beast::error_code& error, std::size_t size) {
                              if (error) return;
                              self->buffer_.commit(size);
                              self->read_header();
                            });
  }

  void read_header() {
    parser_.emplace();
    parser_->header_limit(host_.limits().header_bytes_max);
    lowest().expires_after(host_.limits().header);
    http::async_read_header(stream_, buffer_, *parser_,
                            [self = self()](const beast::error_code& error, std::size_t) { self->on_header(error); });
  }

  void on_header(const beast::error_code& error) {
    if (error == http::error::end_of_stream) return finish();
    if (error && error.category() != http::make_error_code(http::error::bad_target).category()) return;
    host_.works(*this);
    if (error) return refuse(parse_refusal(error));
    if (auto refused = protocol_refusal(*parser_)) return refuse(std::move(*refused));
    const Fields& fields = parser_->get();
    is_head_ = fields.method() == http::verb::head;
    keep_alive_ = fields.keep_alive();
    host_.respond({.target = std::string(fields.target()), .token = bearer_token(fields)},
                  [self = self()](Answer answer) { self->write(std::move(answer)); });
  }

  void refuse(Answer answer) {
    is_head_ = false;
    keep_alive_ = false;
    write(std::move(answer));
  }

  void write(Answer answer) {
    keep_alive_ = keep_alive_ && !host_.is_stopping();
    body_ = std::move(answer.body);
    reply_ = Reply(static_cast<http::status>(answer.status), parser_->get().version() == 10 ? 10 : 11);
    reply_->set(http::field::content_type, answer.content_type);
    reply_->set("X-Content-Type-Options", "nosniff");
    reply_->set("Referrer-Policy", "no-referrer");
    for (const auto& [name, value] : answer.headers) reply_->set(name, value);
    reply_->body() = {body_->data(), body_->size()};
    reply_->content_length(body_->size());
    reply_->keep_alive(keep_alive_);
    serializer_.emplace(*reply_);
    lowest().expires_after(host_.limits().write);
    auto on_written = [self = self()](const beast::error_code& error, std::size_t) { self->on_written(error); };
    if (is_head_) {
      http::async_write_header(stream_, *serializer_, std::move(on_written));
    } else {
      http::async_write(stream_, *serializer_, std::move(on_written));
    }
  }

  void on_written(const beast::error_code& error) {
    body_.reset();
    if (error) return;
    if (keep_alive_) return wait_for_next();
    finish();
  }

  /// Says that nothing more comes, and takes what the client still sends for a while: a connection that is closed with
  /// unread bytes is reset, and the client might never see the answer.
  void finish() {
    host_.waits(*this);
    lowest().expires_after(host_.limits().linger);
    if constexpr (kIsTls) {
      stream_.async_shutdown([self = self()](const beast::error_code&) { self->drain(); });
    } else {
      drain();
    }
  }

  void drain() {
    beast::error_code ignored;
    lowest().socket().shutdown(net::ip::tcp::socket::shutdown_send, ignored);
    discard();
  }

  void discard() {
    lowest().async_read_some(net::buffer(scratch_), [self = self()](const beast::error_code& error, std::size_t size) {
      self->drained_ += size;
      if (!error && self->drained_ < kLingerBytesMax) self->discard();
    });
  }

  SessionHost& host_;
  Stream stream_;
  beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  std::shared_ptr<const std::string> body_;  // that reply_ points into
  std::optional<Reply> reply_;
  std::optional<http::response_serializer<http::span_body<const char>>> serializer_;
  std::array<char, kReadBytes> scratch_{};
  std::size_t drained_ = 0;
  bool is_head_ = false;
  bool keep_alive_ = false;
};

/// Keeps the context alive for as long as the connection: it may have been replaced by then.
class TlsStream : public beast::ssl_stream<beast::tcp_stream> {
 public:
  TlsStream(net::ip::tcp::socket socket, std::shared_ptr<ssl::context> context)
      : beast::ssl_stream<beast::tcp_stream>(std::move(socket), *context), context_(std::move(context)) {}

 private:
  std::shared_ptr<ssl::context> context_;
};

}  // namespace

std::shared_ptr<Session> make_session(net::ip::tcp::socket socket, std::shared_ptr<ssl::context> context,
                                      SessionHost& host) {
  if (!context) return std::make_shared<Connection<beast::tcp_stream>>(host, std::move(socket));
  return std::make_shared<Connection<TlsStream>>(host, std::move(socket), std::move(context));
}

}  // namespace poolwright::serve

// TLS over any connection: OpenSSL is given its bytes by hand, so that every wait is the connection's own, with its
// deadline.
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>

#include "redis/connection.h"

namespace poolwright::redis {
namespace {

constexpr std::size_t kRecordBytes = 16 * 1024;

struct ContextFree {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
struct SslFree {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
struct BioFree {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct CertificateFree {
  void operator()(X509* certificate) const { X509_free(certificate); }
};

std::string library_reason() {
  const char* text = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return text == nullptr ? "unknown reason" : text;
}

Status trust(SSL_CTX* context, const std::string& ca_pem) {
  if (ca_pem.empty()) {
    if (SSL_CTX_set_default_verify_paths(context) == 1) return ok();
    return make_error(ErrorKind::kUnavailable, "TLS: the system's authorities cannot be read");
  }
  const std::unique_ptr<BIO, BioFree> bytes(BIO_new_mem_buf(ca_pem.data(), static_cast<int>(ca_pem.size())));
  int count = 0;
  for (;; ++count) {
    const std::unique_ptr<X509, CertificateFree> authority(PEM_read_bio_X509(bytes.get(), nullptr, nullptr, nullptr));
    if (!authority) break;
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority.get());
  }
  ERR_clear_error();  // the end of the text is told as an error
  if (count > 0) return ok();
  return make_error(ErrorKind::kInvalid, "TLS: the authority must be PEM with at least one certificate");
}

bool is_address(const std::string& name) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  return ::inet_pton(AF_INET, name.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, name.c_str(), bytes.data()) == 1;
}

/// The certificate must be for this name; a name in its subject does not count.
void expect_name(SSL* ssl, const std::string& name) {
  X509_VERIFY_PARAM* expected = SSL_get0_param(ssl);
  X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (is_address(name)) {
    X509_VERIFY_PARAM_set1_ip_asc(expected, name.c_str());
  } else {
    X509_VERIFY_PARAM_set1_host(expected, name.c_str(), name.size());
    // What the macro SSL_set_tlsext_host_name does; the name is copied.
    SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, const_cast<char*>(name.c_str()));
  }
}

class TlsConnection final : public Connection {
 public:
  explicit TlsConnection(std::unique_ptr<Connection> plain) : plain_(std::move(plain)) {}

  Status handshake(const TlsOptions& options, const CallLimits& limits) {
    context_.reset(SSL_CTX_new(TLS_client_method()));
    if (!context_) return make_error(ErrorKind::kInternal, "TLS: " + library_reason());
    SSL_CTX_set_min_proto_version(context_.get(), TLS1_2_VERSION);
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    PW_RETURN_IF_ERROR(trust(context_.get(), options.ca_pem));
    ssl_.reset(SSL_new(context_.get()));
    if (!ssl_) return make_error(ErrorKind::kInternal, "TLS: " + library_reason());
    from_peer_ = BIO_new(BIO_s_mem());
    to_peer_ = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl_.get(), from_peer_, to_peer_);  // which owns both from here on
    SSL_set_connect_state(ssl_.get());
    expect_name(ssl_.get(), options.server_name);
    PW_RETURN_IF_ERROR(until_done([this] { return SSL_do_handshake(ssl_.get()); }, limits));
    return ok();
  }

  Status write(std::string_view bytes, const CallLimits& limits) override {
    const auto size = static_cast<int>(bytes.size());
    PW_RETURN_IF_ERROR(until_done([&] { return SSL_write(ssl_.get(), bytes.data(), size); }, limits));
    return ok();
  }

  Result<std::string> read(std::size_t size_max, const CallLimits& limits) override {
    std::string bytes(size_max, '\0');
    const auto room = static_cast<int>(bytes.size());
    PW_ASSIGN_OR_RETURN(const int size, until_done([&] { return SSL_read(ssl_.get(), bytes.data(), room); }, limits));
    bytes.resize(static_cast<std::size_t>(size));
    return bytes;
  }

 private:
  Status send_pending(const CallLimits& limits) {
    std::array<char, kRecordBytes> bytes{};
    for (int size = 0; (size = BIO_read(to_peer_, bytes.data(), static_cast<int>(bytes.size()))) > 0;) {
      PW_RETURN_IF_ERROR(plain_->write({bytes.data(), static_cast<std::size_t>(size)}, limits));
    }
    return ok();
  }

  /// Repeats a step of OpenSSL and moves bytes for it, until it gives a result above 0.
  template <typename Step>
  Result<int> until_done(Step step, const CallLimits& limits) {
    for (;;) {
      const int result = step();
      const int error = result > 0 ? SSL_ERROR_NONE : SSL_get_error(ssl_.get(), result);
      const Status sent = send_pending(limits);
      if (error == SSL_ERROR_NONE) return sent.has_value() ? Result<int>(result) : Result<int>(sent.error());
      if (error == SSL_ERROR_ZERO_RETURN) return make_error(ErrorKind::kUnavailable, "the connection was closed");
      if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) return refused();
      if (!sent.has_value()) return sent.error();
      if (error == SSL_ERROR_WANT_WRITE) continue;
      PW_ASSIGN_OR_RETURN(const std::string bytes, plain_->read(kRecordBytes, limits));
      BIO_write(from_peer_, bytes.data(), static_cast<int>(bytes.size()));
    }
  }

  Error refused() const {
    const long verified = SSL_get_verify_result(ssl_.get());
    const std::string why = verified == X509_V_OK ? library_reason() : X509_verify_cert_error_string(verified);
    ERR_clear_error();
    return make_error(ErrorKind::kUnavailable, "TLS: " + why);
  }

  std::unique_ptr<Connection> plain_;
  std::unique_ptr<SSL_CTX, ContextFree> context_;
  std::unique_ptr<SSL, SslFree> ssl_;
  BIO* from_peer_ = nullptr;  // owned by ssl_
  BIO* to_peer_ = nullptr;    // owned by ssl_
};

}  // namespace

Result<std::unique_ptr<Connection>> secure(std::unique_ptr<Connection> plain, const TlsOptions& options,
                                           const CallLimits& limits) {
  auto connection = std::make_unique<TlsConnection>(std::move(plain));
  PW_RETURN_IF_ERROR(connection->handshake(options, limits));
  return std::unique_ptr<Connection>(std::move(connection));
}

}  // namespace poolwright::redis

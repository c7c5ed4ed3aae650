#include "serve/tls_context.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl.hpp>

namespace poolwright::serve {

namespace ssl = boost::asio::ssl;

Result<std::shared_ptr<ssl::context>> make_tls_context(const Certificate& certificate) {
  try {
    auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
    context->set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 | ssl::context::no_sslv3 |
                         ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1 | ssl::context::no_compression);
    context->use_certificate_chain(boost::asio::buffer(certificate.chain_pem));
    context->use_private_key(boost::asio::buffer(certificate.key_pem.reveal()), ssl::context::pem);
    if (SSL_CTX_check_private_key(context->native_handle()) != 1) {
      return make_error(ErrorKind::kInvalid, "use the TLS certificate: the key does not belong to it");
    }
    return context;
  } catch (const boost::system::system_error& error) {
    return make_error(ErrorKind::kInvalid,
                      "use the TLS certificate: certificate and key must be PEM that belongs "
                      "together (" +
                          error.code().message() + ")");
  }
}

}  // namespace poolwright::serve

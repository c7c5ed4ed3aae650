// A server's TLS context from a certificate. Contexts are never changed: a new certificate is a new context.
// Thread rule: pure function.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <utility>

#include "base/result.h"
#include "serve/certificate.h"

namespace poolwright::serve {

/// TLS 1.2 and newer. kInvalid: the certificate or the key is unreadable, or they do not belong together.
Result<std::shared_ptr<boost::asio::ssl::context>> make_tls_context(const Certificate& certificate);

}  // namespace poolwright::serve

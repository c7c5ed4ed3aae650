// One TCP or TLS connection with a deadline over everything that is done with it. Reading and writing wait in slices,
// so that a stop is noticed soon. Thread rule: one thread; blocking.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/deadline.h"
#include "base/result.h"

namespace poolwright::redis {

struct TlsOptions {
  std::string server_name;  // that the certificate must be for
  std::string ca_pem;       // "": the system's authorities
};

class Connection {
 public:
  /// kUnavailable: nobody accepts connections; kDeadlineExceeded; kCancelled.
  static Result<std::unique_ptr<Connection>> open(const std::string& host, std::uint16_t port,
                                                  const CallLimits& limits);
  virtual ~Connection() = default;

  virtual Status write(std::string_view bytes, const CallLimits& limits) = 0;
  /// At least one byte, at most `size_max`. kUnavailable: the other side closed.
  virtual Result<std::string> read(std::size_t size_max, const CallLimits& limits) = 0;
};

/// The same connection inside TLS 1.2 or newer. kUnavailable: the handshake failed; the message says why.
Result<std::unique_ptr<Connection>> secure(std::unique_ptr<Connection> plain, const TlsOptions& options,
                                           const CallLimits& limits);

}  // namespace poolwright::redis

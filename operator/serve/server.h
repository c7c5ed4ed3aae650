// The HTTP server of the operator: REST API, metrics, probes and the page, on one thread that never waits for anybody.
// Questions to an Authenticator that may block are asked on kReviewThreads threads of their own.
//
// Limits: see ServerLimits. No route takes a body: a request with one is refused, without reading it. When all
// connections are taken, the one that has waited longest without a complete request makes room for the new one; while
// every connection is being answered, nothing is accepted. Thread rule: start and stop from one thread; set_certificate
// from any. Source, authenticator and clock outlive it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "serve/authenticator.h"
#include "serve/certificate.h"
#include "serve/snapshot.h"

namespace poolwright::serve {

struct ServerLimits {
  std::uint32_t header_bytes_max = 16 * 1024;
  std::size_t connections_max = 512;
  Duration handshake{5000};  // TLS
  Duration header{5000};     // from the connection, or from the first byte of a later request
  Duration idle{30000};      // between two requests
  Duration write{10000};
  Duration linger{2000};         // after a refusal, for the rest of what the client sends
  Duration accept_pause{100};    // after an accept that failed
  std::size_t reviews_max = 64;  // that wait for an answer; more are refused with 503
};
inline constexpr int kReviewThreads = 2;

enum class TlsSource { kOff, kFiles, kSelfSigned };

struct ServerOptions {
  std::string address = "0.0.0.0";  // an IP address
  std::uint16_t port = 8443;        // 0: any free one
  TlsSource tls = TlsSource::kSelfSigned;
  CertificateFiles files;                 // for kFiles
  std::vector<std::string> server_names;  // for kSelfSigned
  Duration certificate_check{10000};      // how often the files are looked at
  ServerLimits limits;
};

class Server {
 public:
  Server(ServerOptions options, const Source& source, Authenticator& authenticator, const Clock& clock);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Listens and answers from now on. kInvalid: address or certificate; kUnavailable: the port is taken.
  Status start();
  /// Accepts nothing more, lets answers under way be written for at most `grace`, closes the rest, joins the threads.
  void stop(Duration grace);

  /// The port that is listened on; 0 before start.
  std::uint16_t port() const;
  /// Shown to whoever connects from now on. kInvalid: it is not usable, the previous one stays.
  Status set_certificate(const Certificate& certificate);

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace poolwright::serve

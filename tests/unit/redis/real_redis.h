// A redis-server of the machine, on a free port of the loopback, for the life of this object; and a port on which
// somebody accepts connections and never says a word.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace poolwright::redis {

class RealRedis {
 public:
  /// `arguments` are added to the command line. Aborts the test program when the server does not start.
  explicit RealRedis(std::vector<std::string> arguments = {}, bool is_tls = false);
  ~RealRedis();
  RealRedis(const RealRedis&) = delete;
  RealRedis& operator=(const RealRedis&) = delete;

  std::uint16_t port() const { return port_; }
  /// Authority of the server's certificate, for is_tls.
  const std::string& ca_pem() const { return ca_pem_; }
  void stop();

 private:
  std::uint16_t port_ = 0;
  int pid_ = -1;
  std::string folder_;
  std::string ca_pem_;
};

class SilentServer {
 public:
  SilentServer();
  ~SilentServer();
  SilentServer(const SilentServer&) = delete;
  SilentServer& operator=(const SilentServer&) = delete;
  std::uint16_t port() const { return port_; }

 private:
  std::uint16_t port_ = 0;
  int socket_ = -1;
};

/// A port on which nobody listens.
std::uint16_t free_port();

}  // namespace poolwright::redis

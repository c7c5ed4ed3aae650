// The address of the API server, taken apart and checked.
// Thread rule: pure.
#pragma once

#include <string>

#include "base/result.h"

namespace poolwright::kube {

struct ServerUrl {
  std::string text;  // scheme, host, port and path prefix, without a slash at the end
  std::string host;
  std::string port;  // "" = the scheme's own
  bool is_tls = true;
};

/// https, or http to this machine. Invalid for anything else, for IPv6 literals (the HTTP library cannot dial them) and
/// for addresses with user names, queries or fragments.
Result<ServerUrl> parse_server_url(const std::string& text);

/// True for localhost and 127.x.y.z.
bool is_loopback_host(const std::string& host);
/// True for a dotted IPv4 address.
bool is_ipv4_address(const std::string& host);

}  // namespace poolwright::kube

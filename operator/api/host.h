// What a PostgreSQL host may be: one DNS name or address, as every reader of the rendered ini and URLs takes it.
// Thread rule: pure functions.
#pragma once

#include <string_view>

namespace poolwright::api {

enum class HostKind {
  kMalformed,  // a list, a URL, a socket path, a port, brackets, a zone, a trailing dot, 127.1, 0x7f000001, ...
  kName,       // DNS name
  kAddress,    // IPv4 or IPv6 address of another machine
  kLoopback,   // localhost, 127.0.0.0/8, ::1, and 0.0.0.0 and ::, which mean the same
  kForbidden,  // link-local, multicast, broadcast and cloud metadata addresses; never a PostgreSQL
};

HostKind kind_of_host(std::string_view host);

/// kubernetes.default and the longer names of it.
bool is_api_server_name(std::string_view host);

/// "10.0.0.0/8", "2001:db8::/32"; bits of the address after the prefix may be set, as in Kubernetes.
bool is_cidr(std::string_view text);

}  // namespace poolwright::api

// Asks one Redis whether it is there: connect, AUTH and SELECT where needed, PING, INFO server. hiredis speaks the
// protocol; the connection is our own, so that one deadline covers name, TCP, TLS and every answer.
// Thread rule: blocking; called from a thread that may wait.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "base/deadline.h"
#include "redis/url.h"

namespace poolwright::redis {

/// A reply above this size is no answer to our questions.
inline constexpr std::size_t kReplyBytesMax = 64 * 1024;

struct ProbeTarget {
  RedisUrl url;
  std::string ca_pem;  // trusted instead of the system's authorities; "": the system's
};

struct ProbeOutcome {
  bool is_available = false;          // TCP connection accepted
  bool is_connected = false;          // PING answered PONG
  std::string version;                // of INFO; "" where INFO is not allowed
  std::optional<double> response_ms;  // of PING
  std::string problem;                // "" when connected; never holds the password
};

ProbeOutcome probe(const ProbeTarget& target, const Clock& clock, const CallLimits& limits);

}  // namespace poolwright::redis

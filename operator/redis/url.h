// Where a Redis is, from a URL: redis://[[user]:password@]host[:port][/db] or rediss:// for TLS.
// Thread rule: pure function over plain values.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/secret.h"

namespace poolwright::redis {

struct RedisUrl {
  std::string host;  // without brackets
  std::uint16_t port = 6379;
  bool is_tls = false;
  std::string user;  // "": the default user
  SecretString password;
  int database = 0;
};

/// Error kInvalid says what is wrong and never repeats the URL, which may hold a password.
Result<RedisUrl> parse_redis_url(const SecretString& text);

/// "host:port" or "[v6]:port", for messages.
std::string address(const RedisUrl& url);

}  // namespace poolwright::redis

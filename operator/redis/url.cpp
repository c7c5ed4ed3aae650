#include "redis/url.h"

#include <charconv>
#include <optional>
#include <string_view>

#include "base/percent.h"

namespace poolwright::redis {
namespace {

constexpr int kDatabaseMax = 65535;
constexpr std::size_t kHostBytesMax = 253;

Error bad(const std::string& what) {
  return make_error(ErrorKind::kInvalid, "read the Redis URL: " + what +
                                             "; it must be redis://[[user]:password@]host[:port][/database], or "
                                             "rediss:// for TLS");
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (text.substr(0, prefix.size()) != prefix) return false;
  text.remove_prefix(prefix.size());
  return true;
}

std::optional<std::string> unescaped(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      result += text[i];
      continue;
    }
    const std::optional<int> byte = percent_escape(text.substr(i));
    if (!byte) return std::nullopt;
    result += static_cast<char>(*byte);
    i += 2;
  }
  return result;
}

std::optional<int> number_up_to(std::string_view text, int largest) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_whole = error == std::errc() && end == text.data() + text.size() && text.front() != '-';
  if (!is_whole || number > largest) return std::nullopt;
  return number;
}

/// "user:password", ":password" or "user".
Status read_credentials(std::string_view text, RedisUrl& url) {
  const std::size_t colon = text.find(':');
  const std::optional<std::string> user = unescaped(text.substr(0, colon));
  const std::optional<std::string> password =
      colon == std::string_view::npos ? std::string() : unescaped(text.substr(colon + 1));
  if (!user || !password) return bad("user or password has a '%' that begins no escape");
  url.user = *user;
  url.password = SecretString(*password);
  return ok();
}

bool is_host(std::string_view host, bool is_bracketed) {
  const std::string_view allowed =
      is_bracketed ? "0123456789abcdefABCDEF:.%" : "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
  return !host.empty() && host.size() <= kHostBytesMax && host.find_first_not_of(allowed) == std::string_view::npos;
}

/// "host", "host:port", "[v6]" or "[v6]:port".
Status read_address(std::string_view text, RedisUrl& url) {
  const bool is_bracketed = take_prefix(text, "[");
  const std::size_t host_end = text.find(is_bracketed ? ']' : ':');
  if (is_bracketed && host_end == std::string_view::npos) return bad("the '[' of the address is not closed");
  url.host = std::string(text.substr(0, host_end));
  if (!is_host(url.host, is_bracketed)) return bad("the host is no name and no address");
  std::string_view rest = host_end == std::string_view::npos ? "" : text.substr(host_end + (is_bracketed ? 1 : 0));
  if (rest.empty()) return ok();
  constexpr int kPortMax = 65535;
  const std::optional<int> port = take_prefix(rest, ":") && !rest.empty() ? number_up_to(rest, kPortMax) : std::nullopt;
  if (!port || *port == 0) return bad("the port must be 1-65535");
  url.port = static_cast<std::uint16_t>(*port);
  return ok();
}

}  // namespace

Result<RedisUrl> parse_redis_url(const SecretString& text) {
  std::string_view rest = text.reveal();
  RedisUrl url;
  url.is_tls = take_prefix(rest, "rediss://");
  if (!url.is_tls && !take_prefix(rest, "redis://")) return bad("it begins with neither redis:// nor rediss://");
  if (rest.find_first_of("?#") != std::string_view::npos) return bad("it has a query or a fragment");
  const std::size_t slash = rest.find('/');
  std::string_view authority = rest.substr(0, slash);
  const std::size_t at = authority.rfind('@');
  if (at != std::string_view::npos) {
    PW_RETURN_IF_ERROR(read_credentials(authority.substr(0, at), url));
    authority.remove_prefix(at + 1);
  }
  PW_RETURN_IF_ERROR(read_address(authority, url));
  const std::string_view database = slash == std::string_view::npos ? "" : rest.substr(slash + 1);
  if (database.empty()) return url;
  const std::optional<int> number = number_up_to(database, kDatabaseMax);
  if (!number) return bad("the database must be a number of 0-" + std::to_string(kDatabaseMax));
  url.database = *number;
  return url;
}

std::string address(const RedisUrl& url) {
  const bool is_v6 = url.host.find(':') != std::string::npos;
  return (is_v6 ? "[" + url.host + "]" : url.host) + ":" + std::to_string(url.port);
}

}  // namespace poolwright::redis

#include "run/server_name.h"

#include <algorithm>
#include <cctype>
#include <string_view>

#include "local/directory_store.h"

namespace poolwright::run {

namespace {

bool is_numeric_address(const std::string& host) {
  return host.find(':') != std::string::npos || host.find_first_not_of("0123456789.") == std::string::npos;
}

bool is_short(const std::string& host) {
  return host.find('.') == std::string::npos && host != "localhost" && !is_numeric_address(host);
}

std::string without_end(std::string text, std::string_view end) {
  if (text.size() > end.size() && text.ends_with(end)) text.resize(text.size() - end.size());
  return text;
}

}  // namespace

std::string server_name(const api::ConnectionPool& pool) {
  return server_name(pool, pool.spec.postgres.host + ":" + std::to_string(pool.spec.postgres.port));
}

std::string server_name(const api::ConnectionPool& pool, const std::string& address) {
  const std::size_t end = std::min(address.rfind(':'), address.size());
  std::string host = address.substr(0, end);
  std::transform(host.begin(), host.end(), host.begin(), [](unsigned char c) { return std::tolower(c); });
  host = without_end(std::move(host), ".");
  host = without_end(std::move(host), ".cluster.local");
  if (is_short(host) && pool.namespace_name != local::kNamespace) host += "." + pool.namespace_name + ".svc";
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  return host + address.substr(end);
}

std::string host_from_anywhere(const api::ConnectionPool& pool) {
  const std::string& host = pool.spec.postgres.host;
  return is_short(host) ? host + "." + pool.namespace_name + ".svc" : host;
}

}  // namespace poolwright::run

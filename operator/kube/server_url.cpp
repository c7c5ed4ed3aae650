#include "kube/server_url.h"

#include <arpa/inet.h>

#include <algorithm>

namespace poolwright::kube {

namespace {

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

bool is_path_character(char c) { return is_host_character(c) || c == '/' || c == '~' || c == ':'; }

bool is_port(const std::string& text) {
  if (text.empty() || text.size() > 5) return false;
  if (!std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; })) return false;
  const int number = std::stoi(text);
  return number >= 1 && number <= 65535;
}

Error bad_url(const std::string& text, const std::string& cause) {
  return make_error(ErrorKind::kInvalid, "address of the API server '" + text + "': " + cause);
}

}  // namespace

Result<ServerUrl> parse_server_url(const std::string& text) {
  ServerUrl url;
  std::string rest;
  if (text.starts_with("https://")) {
    rest = text.substr(8);
  } else if (text.starts_with("http://")) {
    url.is_tls = false;
    rest = text.substr(7);
  } else {
    return bad_url(text, "must begin with https://");
  }
  while (rest.ends_with('/')) rest.pop_back();
  url.text = (url.is_tls ? "https://" : "http://") + rest;

  const std::size_t slash = rest.find('/');
  const std::string authority = rest.substr(0, slash);
  const std::string path = slash == std::string::npos ? "" : rest.substr(slash);
  if (authority.starts_with('[')) return bad_url(text, "IPv6 addresses cannot be used here; use a host name");
  const std::size_t colon = authority.find(':');
  url.host = authority.substr(0, colon);
  if (colon != std::string::npos) {
    url.port = authority.substr(colon + 1);
    if (!is_port(url.port)) return bad_url(text, "the port must be a number from 1 to 65535");
  }
  if (url.host.empty() || !std::all_of(url.host.begin(), url.host.end(), is_host_character)) {
    return bad_url(text, "the host must be a name or an IPv4 address");
  }
  if (!std::all_of(path.begin(), path.end(), is_path_character)) return bad_url(text, "the path is not plain");
  if (!url.is_tls && !is_loopback_host(url.host)) {
    return bad_url(text, "without TLS only this machine may be addressed (http://127.0.0.1, as by kubectl proxy)");
  }
  return url;
}

bool is_ipv4_address(const std::string& host) {
  in_addr address{};
  return inet_pton(AF_INET, host.c_str(), &address) == 1;
}

bool is_loopback_host(const std::string& host) {
  return host == "localhost" || (is_ipv4_address(host) && host.starts_with("127."));
}

}  // namespace poolwright::kube

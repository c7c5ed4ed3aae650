#include "api/host.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>

namespace poolwright::api {

namespace {

constexpr std::size_t kHostLengthMax = 253;
constexpr std::size_t kLabelLengthMax = 63;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lowered(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), lower);
  return result;
}

using Ipv4 = std::array<std::uint8_t, 4>;
using Ipv6 = std::array<std::uint8_t, 16>;

std::optional<Ipv4> ipv4_of(const std::string& text) {
  Ipv4 bytes{};
  return inet_pton(AF_INET, text.c_str(), bytes.data()) == 1 ? std::optional(bytes) : std::nullopt;
}

std::optional<Ipv6> ipv6_of(const std::string& text) {
  Ipv6 bytes{};
  return inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1 ? std::optional(bytes) : std::nullopt;
}

/// Letters, digits, '_' and '-' inside. '_' is no part of host names proper, but DNS and docker-compose have it.
bool is_dns_label(std::string_view label) {
  if (label.empty() || label.size() > kLabelLengthMax || label.front() == '-' || label.back() == '-') return false;
  return std::all_of(label.begin(), label.end(),
                     [](char c) { return is_letter(c) || is_digit(c) || c == '_' || c == '-'; });
}

/// The resolver of libc reads a name whose last label is a number ("127.1", "0x7f000001") as an address.
bool is_number(std::string_view label) {
  if (label.size() > 1 && label[0] == '0' && lower(label[1]) == 'x') {
    return std::all_of(label.begin() + 2, label.end(),
                       [](char c) { return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f'); });
  }
  return std::all_of(label.begin(), label.end(), is_digit);
}

bool is_dns_name(std::string_view host) {
  std::size_t begin = 0;
  while (true) {
    const std::size_t dot = host.find('.', begin);
    const std::string_view label = host.substr(begin, dot == std::string_view::npos ? dot : dot - begin);
    if (!is_dns_label(label)) return false;
    if (dot == std::string_view::npos) return !is_number(label);
    begin = dot + 1;
  }
}

HostKind kind_of_ipv4(const Ipv4& address) {
  if (address[0] == 127 || address[0] == 0) return HostKind::kLoopback;
  if (address[0] == 169 && address[1] == 254) return HostKind::kForbidden;
  return address[0] >= 224 ? HostKind::kForbidden : HostKind::kAddress;
}

HostKind kind_of_ipv6(const Ipv6& address) {
  static constexpr Ipv6 kMappedIpv4{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0};
  static constexpr Ipv6 kCloudMetadata{0xfd, 0, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54};
  if (std::equal(address.begin(), address.begin() + 12, kMappedIpv4.begin())) {
    return kind_of_ipv4({address[12], address[13], address[14], address[15]});
  }
  const bool zero_before_last =
      std::all_of(address.begin(), address.end() - 1, [](std::uint8_t byte) { return byte == 0; });
  if (zero_before_last && address[15] <= 1) return HostKind::kLoopback;
  const bool link_local = address[0] == 0xfe && (address[1] & 0xc0U) == 0x80U;
  if (link_local || address[0] == 0xff || address == kCloudMetadata) return HostKind::kForbidden;
  return HostKind::kAddress;
}

bool is_name_or_below(const std::string& host, const std::string& name) {
  return host == name || host.ends_with("." + name);
}

}  // namespace

HostKind kind_of_host(std::string_view host) {
  if (host.empty() || host.size() > kHostLengthMax || host.find('\0') != std::string_view::npos) {
    return HostKind::kMalformed;
  }
  const std::string text = lowered(host);
  if (text.find(':') != std::string::npos) {
    const std::optional<Ipv6> address = ipv6_of(text);
    return address ? kind_of_ipv6(*address) : HostKind::kMalformed;
  }
  if (const std::optional<Ipv4> address = ipv4_of(text)) return kind_of_ipv4(*address);
  if (!is_dns_name(text)) return HostKind::kMalformed;
  if (is_name_or_below(text, "localhost") || text == "localhost.localdomain") return HostKind::kLoopback;
  return text == "metadata.google.internal" ? HostKind::kForbidden : HostKind::kName;
}

bool is_api_server_name(std::string_view host) {
  const std::string text = lowered(host);
  return text == "kubernetes.default" || text.starts_with("kubernetes.default.");
}

bool is_cidr(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos || text.find('\0') != std::string_view::npos) return false;
  const std::string address(text.substr(0, slash));
  const std::string_view digits = text.substr(slash + 1);
  if (digits.empty() || digits.size() > 3 || (digits.size() > 1 && digits[0] == '0')) return false;
  if (!std::all_of(digits.begin(), digits.end(), is_digit)) return false;
  int prefix = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
  if (ipv4_of(address)) return prefix <= 32;
  return ipv6_of(address) && prefix <= 128;
}

}  // namespace poolwright::api

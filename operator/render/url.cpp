#include "render/url.h"

namespace poolwright::render {

namespace {

bool is_unreserved(char c) {
  const bool is_alphanumeric = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  return is_alphanumeric || c == '-' || c == '.' || c == '_' || c == '~';
}

std::string authority(const UrlTarget& target) {
  return url_host(target.host) + ":" + std::to_string(target.port) + "/" + target.database;
}

std::string query_text(const UrlQuery& query) {
  std::string text;
  for (const auto& [name, value] : query) {
    text.append(text.empty() ? "" : "&").append(name).append("=").append(percent_encoded(value));
  }
  return text;
}

std::string pgpass_field(std::string_view field) {
  std::string escaped;
  for (const char c : field) {
    if (c == ':' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

}  // namespace

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kHexDigits = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    if (is_unreserved(c)) {
      encoded += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    encoded += '%';
    encoded += kHexDigits[byte >> 4U];
    encoded += kHexDigits[byte & 0x0FU];
  }
  return encoded;
}

std::string url_host(std::string_view host) {
  const bool is_ipv6 = host.find(':') != std::string_view::npos;
  return is_ipv6 ? "[" + std::string(host) + "]" : std::string(host);
}

SecretString postgres_url(const UrlTarget& target, const Credentials& credentials, const UrlQuery& query) {
  std::string url = "postgresql://" + percent_encoded(credentials.username) + ":" +
                    percent_encoded(credentials.password.reveal()) + "@" + authority(target);
  if (!query.empty()) url += "?" + query_text(query);
  return SecretString(std::move(url));
}

SecretString jdbc_url(const UrlTarget& target, const Credentials& credentials, const UrlQuery& query) {
  UrlQuery whole{{"user", credentials.username}, {"password", credentials.password.reveal()}};
  whole.insert(whole.end(), query.begin(), query.end());
  return SecretString("jdbc:postgresql://" + authority(target) + "?" + query_text(whole));
}

SecretString pgpass_line(const UrlTarget& target, const Credentials& credentials) {
  return SecretString(pgpass_field(target.host) + ":" + std::to_string(target.port) + ":" +
                      pgpass_field(target.database) + ":" + pgpass_field(credentials.username) + ":" +
                      pgpass_field(credentials.password.reveal()) + "\n");
}

}  // namespace poolwright::render

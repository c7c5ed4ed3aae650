// How the readers of our URLs read them: libpq's own parser, and the rules of the WHATWG URL standard,
// java.net.URLDecoder and libpq's password file, written down here from their documentation.
#pragma once

#include <libpq-fe.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace poolwright::render::testing {

using Parts = std::map<std::string, std::string>;

inline std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_space) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      decoded += ' ';
    } else if (text[i] != '%') {
      decoded += text[i];
    } else {
      const std::string digits(text.substr(i + 1, 2));
      if (digits.size() != 2 || digits.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos)
        return std::nullopt;
      decoded += static_cast<char>(std::stoi(digits, nullptr, 16));
      i += 2;
    }
  }
  return decoded;
}

/// "a=1&b=2" as form data, into "?a", "?b".
inline bool read_query(std::string_view query, Parts& parts) {
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const auto value = percent_decoded(pair.substr(std::min(equals + 1, pair.size())), true);
    if (!value || !parts.emplace("?" + std::string(pair.substr(0, equals)), *value).second) return false;
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return true;
}

/// scheme://user:password@host:port/dbname?query#fragment: the fragment ends at nothing, the authority at the first of
/// "/?#", the user info at its last '@', the user at the first ':' in it.
inline std::optional<Parts> whatwg(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos || url.find('#') != std::string_view::npos) return std::nullopt;
  url.remove_prefix(scheme + 3);
  const std::size_t end = std::min(url.find_first_of("/?"), url.size());
  std::string_view authority = url.substr(0, end);
  std::string_view rest = url.substr(end);
  Parts parts;
  const std::size_t at = authority.rfind('@');
  if (at != std::string_view::npos) {
    const std::string_view login = authority.substr(0, at);
    const std::size_t colon = std::min(login.find(':'), login.size());
    const auto user = percent_decoded(login.substr(0, colon), false);
    const auto password = percent_decoded(login.substr(std::min(colon + 1, login.size())), false);
    if (!user || !password) return std::nullopt;
    parts["user"] = *user;
    parts["password"] = *password;
    authority.remove_prefix(at + 1);
  }
  const std::size_t port = authority.rfind(':');
  std::string_view host = authority.substr(0, port);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  parts["host"] = host;
  parts["port"] = authority.substr(port + 1);
  const std::size_t question = std::min(rest.find('?'), rest.size());
  // Some readers do not decode the path, so it has to be the name already.
  parts["dbname"] = rest.substr(std::min<std::size_t>(1, rest.size()), question - 1);
  if (!read_query(rest.substr(std::min(question + 1, rest.size())), parts)) return std::nullopt;
  return parts;
}

/// What libpq makes of it; nullopt where it refuses it.
inline std::optional<Parts> libpq(const std::string& url) {
  char* message = nullptr;
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> options(PQconninfoParse(url.c_str(), &message),
                                                                               PQconninfoFree);
  PQfreemem(message);
  if (!options) return std::nullopt;
  Parts parts;
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr) parts[option->keyword] = option->val;
  }
  return parts;
}

/// One line of a password file: fields between ':' that have no '\' before them.
inline std::vector<std::string> pgpass_fields(std::string_view line) {
  std::vector<std::string> fields(1);
  for (std::size_t i = 0; i < line.size() && line[i] != '\n'; ++i) {
    if (line[i] == '\\' && i + 1 < line.size()) {
      fields.back() += line[++i];
    } else if (line[i] == ':') {
      fields.emplace_back();
    } else {
      fields.back() += line[i];
    }
  }
  return fields;
}

}  // namespace poolwright::render::testing

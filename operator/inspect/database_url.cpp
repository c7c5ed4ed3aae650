#include "inspect/database_url.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace poolwright::inspect {

namespace {

Error invalid(std::size_t position, const std::string& what) {
  return make_error(ErrorKind::kInvalid, "connection URL, character " + std::to_string(position + 1) + ": " + what);
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// A stretch of the URL and where it starts, so that errors can point into the whole.
struct Part {
  std::string_view text;
  std::size_t start = 0;

  Part sub(std::size_t from, std::size_t count = std::string_view::npos) const {
    return {.text = text.substr(from, count), .start = start + from};
  }
};

Result<std::string> percent_decode(Part part, bool plus_is_space = false) {
  std::string decoded;
  for (std::size_t i = 0; i < part.text.size(); ++i) {
    const char c = part.text[i];
    if (c != '%') {
      decoded.push_back(plus_is_space && c == '+' ? ' ' : c);
      continue;
    }
    const int high = i + 1 < part.text.size() ? hex_digit(part.text[i + 1]) : -1;
    const int low = i + 2 < part.text.size() ? hex_digit(part.text[i + 2]) : -1;
    if (high < 0 || low < 0) {
      return invalid(part.start + i, "\"%\" must be followed by two hex digits; write a plain percent sign as %25");
    }
    decoded.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  if (decoded.find('\0') != std::string::npos) return invalid(part.start, "must not contain a NUL character");
  return decoded;
}

Result<std::int32_t> parse_port(Part part) {
  std::int32_t port = 0;
  const auto [end, error] = std::from_chars(part.text.data(), part.text.data() + part.text.size(), port);
  if (error != std::errc() || end != part.text.data() + part.text.size() || port < 1 || port > 65535) {
    return invalid(part.start, "the port must be a number from 1 to 65535");
  }
  return port;
}

/// Splits "[v6]:port" or "name:port"; the port part is absent where there is no colon.
Result<std::pair<Part, std::optional<Part>>> split_host(Part hostport) {
  if (hostport.text.starts_with('[')) {
    const std::size_t close = hostport.text.find(']');
    if (close == std::string_view::npos) return invalid(hostport.start, "\"[\" has no closing \"]\"");
    const Part rest = hostport.sub(close + 1);
    if (!rest.text.empty() && rest.text[0] != ':') return invalid(rest.start, "only :port may follow \"]\"");
    const std::optional<Part> port = rest.text.empty() ? std::nullopt : std::optional(rest.sub(1));
    return std::pair{hostport.sub(1, close - 1), port};
  }
  const std::size_t colon = hostport.text.find(':');
  if (colon == std::string_view::npos) return std::pair{hostport, std::optional<Part>()};
  return std::pair{hostport.sub(0, colon), std::optional(hostport.sub(colon + 1))};
}

Status read_host(Part hostport, DatabaseUrl& url) {
  if (hostport.text.find(',') != std::string_view::npos) {
    return invalid(hostport.start + hostport.text.find(','), "must name one host, not a list");
  }
  PW_ASSIGN_OR_RETURN(const auto split, split_host(hostport));
  PW_ASSIGN_OR_RETURN(url.host, percent_decode(split.first));
  if (url.host.empty()) return invalid(hostport.start, "the host is missing");
  if (url.host.starts_with('/') || url.host.starts_with('@')) {
    return invalid(hostport.start, "must name a host, not a Unix socket");
  }
  if (split.second && !split.second->text.empty()) {
    PW_ASSIGN_OR_RETURN(url.port, parse_port(*split.second));
  }
  return ok();
}

Status read_user(Part userinfo, DatabaseUrl& url) {
  const std::size_t colon = userinfo.text.find(':');
  PW_ASSIGN_OR_RETURN(url.user, percent_decode(userinfo.sub(0, colon)));
  if (colon == std::string_view::npos) return ok();
  PW_ASSIGN_OR_RETURN(auto password, percent_decode(userinfo.sub(colon + 1)));
  url.password = SecretString(std::move(password));
  url.has_password = true;
  return ok();
}

Status read_authority(Part authority, DatabaseUrl& url) {
  const std::size_t at = authority.text.find('@');
  if (at == std::string_view::npos) return read_host(authority, url);
  if (authority.text.find('@', at + 1) != std::string_view::npos) {
    // libpq takes the first "@" as the end of the password, others the last: the URL means two things.
    return invalid(authority.start + at, "there is more than one \"@\"; write an \"@\" of the password as %40");
  }
  PW_RETURN_IF_ERROR(read_user(authority.sub(0, at), url));
  return read_host(authority.sub(at + 1), url);
}

Status read_parameter(Part pair, DatabaseUrl& url) {
  const std::size_t equals = pair.text.find('=');
  if (equals == std::string_view::npos) return invalid(pair.start, "a parameter must be written name=value");
  PW_ASSIGN_OR_RETURN(auto name, percent_decode(pair.sub(0, equals), true));
  if (name.empty()) return invalid(pair.start, "a parameter must have a name");
  if (url.parameter(name)) return invalid(pair.start, "the parameter \"" + name + "\" is given twice");
  PW_ASSIGN_OR_RETURN(auto value, percent_decode(pair.sub(equals + 1), true));
  url.parameters.emplace_back(std::move(name), std::move(value));
  return ok();
}

Status read_parameters(Part query, DatabaseUrl& url) {
  while (!query.text.empty()) {
    const std::size_t end = std::min(query.text.find('&'), query.text.size());
    if (end > 0) PW_RETURN_IF_ERROR(read_parameter(query.sub(0, end), url));
    query = query.sub(std::min(end + 1, query.text.size()));
  }
  return ok();
}

Result<Part> read_scheme(Part whole, DatabaseUrl& url) {
  for (const std::string_view scheme : {"postgresql", "postgres"}) {
    if (whole.text.starts_with(std::string(scheme) + "://")) {
      url.scheme = scheme;
      return whole.sub(scheme.size() + 3);
    }
  }
  if (whole.text.starts_with("prisma://") || whole.text.starts_with("prisma+postgres://")) {
    return invalid(
        0, "a prisma:// URL leads to Prisma's own proxy, not to PostgreSQL; give the postgresql:// URL behind it");
  }
  if (whole.text.starts_with("jdbc:"))
    return invalid(0, "a JDBC URL is not read here; drop \"jdbc:\" and put user and password before the host");
  return invalid(0, "must start with postgresql:// or postgres://");
}

Status check_characters(std::string_view url) {
  if (url.size() > kUrlLimitBytes) {
    return invalid(kUrlLimitBytes, "must be at most " + std::to_string(kUrlLimitBytes) + " bytes");
  }
  for (std::size_t i = 0; i < url.size(); ++i) {
    const auto byte = static_cast<unsigned char>(url[i]);
    if (byte <= 0x20 || byte == 0x7F)
      return invalid(i, "must not contain spaces or control characters; write a space as %20");
  }
  const std::size_t hash = url.find('#');
  if (hash != std::string_view::npos) {
    return invalid(
        hash, "\"#\" starts a fragment and cuts the URL off in most clients; write a \"#\" of the password as %23");
  }
  return ok();
}

}  // namespace

std::optional<std::string> DatabaseUrl::parameter(std::string_view name) const {
  const auto found =
      std::find_if(parameters.begin(), parameters.end(), [&](const auto& pair) { return pair.first == name; });
  return found == parameters.end() ? std::nullopt : std::optional(found->second);
}

Result<DatabaseUrl> parse_database_url(std::string_view text) {
  PW_RETURN_IF_ERROR(check_characters(text));
  DatabaseUrl url;
  PW_ASSIGN_OR_RETURN(const Part rest, read_scheme(Part{.text = text, .start = 0}, url));
  const std::size_t path = std::min(rest.text.find_first_of("/?"), rest.text.size());
  const std::size_t at = rest.text.find('@');
  if (at != std::string_view::npos && at > path && rest.text.find('?') > at) {
    return invalid(rest.start + path, "\"/\" ends the host; a \"/\" of the user or password must be written %2F");
  }
  PW_RETURN_IF_ERROR(read_authority(rest.sub(0, path), url));
  const Part tail = rest.sub(path);
  const std::size_t question = std::min(tail.text.find('?'), tail.text.size());
  if (question > 0) {
    const Part name = tail.sub(1, question - 1);
    if (name.text.find('/') != std::string_view::npos) {
      return invalid(name.start + name.text.find('/'),
                     "the database name must not contain \"/\"; a \"/\" of the password is written %2F");
    }
    PW_ASSIGN_OR_RETURN(url.database, percent_decode(name));
  }
  if (question < tail.text.size()) PW_RETURN_IF_ERROR(read_parameters(tail.sub(question + 1), url));
  return url;
}

}  // namespace poolwright::inspect

#include "serve/request.h"

#include <nlohmann/json.hpp>
#include <optional>

#include "base/percent.h"

namespace poolwright::serve {
namespace {

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

Error bad(const std::string& what) { return make_error(ErrorKind::kInvalid, what); }

/// Whether there is one way only to read the path.
bool is_canonical(std::string_view path) {
  if (path.empty() || path.front() != '/') return false;
  std::size_t segment_begin = 1;
  for (std::size_t i = 1; i <= path.size(); ++i) {
    if (i < path.size() && path[i] != '/') {
      if (!is_unreserved(path[i])) return false;
      continue;
    }
    const std::string_view segment = path.substr(segment_begin, i - segment_begin);
    const bool is_root = path.size() == 1;
    if ((segment.empty() && !is_root) || segment == "." || segment == "..") return false;
    segment_begin = i + 1;
  }
  return true;
}

/// Escapes become bytes; a byte that has to be escaped and is not, a control character or a broken escape is none.
std::optional<std::string> decoded(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_unreserved(text[i])) {
      result += text[i];
      continue;
    }
    const std::optional<int> byte = percent_escape(text.substr(i));
    if (!byte || *byte < 0x20 || *byte >= 0x7f) return std::nullopt;
    result += static_cast<char>(*byte);
    i += 2;
  }
  return result;
}

Status add_parameter(Target& target, std::string_view part) {
  const std::size_t equals = part.find('=');
  if (equals == 0 || equals == std::string_view::npos) return bad("the query must be name=value pairs joined by '&'");
  const std::optional<std::string> name = decoded(part.substr(0, equals));
  const std::optional<std::string> value = decoded(part.substr(equals + 1));
  if (!name || !value) {
    return bad(
        "names and values in the query must be letters, digits, '-', '.', '_', '~' or escapes of printable "
        "ASCII characters");
  }
  if (!target.parameters.emplace(*name, *value).second) return bad("the query names '" + *name + "' twice");
  if (target.parameters.size() > kParametersMax) {
    return bad("the query must have at most " + std::to_string(kParametersMax) + " parameters");
  }
  return ok();
}

std::string_view reason_of(int status) {
  switch (status) {
    case 400:
      return "BadRequest";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "NotFound";
    case 405:
      return "MethodNotAllowed";
    case 413:
      return "ContentTooLarge";
    case 414:
      return "TargetTooLong";
    case 431:
      return "HeaderTooLarge";
    case 503:
      return "ServiceUnavailable";
    default:
      return "InternalError";
  }
}

}  // namespace

Result<Target> parse_target(std::string_view text) {
  const std::size_t question = text.find('?');
  Target target{.path = std::string(text.substr(0, question))};
  if (!is_canonical(target.path)) {
    return bad(
        "the path must be segments of letters, digits, '-', '.', '_' and '~', without escapes, empty or dotted "
        "segments");
  }
  if (question == std::string_view::npos) return target;
  std::string_view query = text.substr(question + 1);
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    PW_RETURN_IF_ERROR(add_parameter(target, query.substr(0, end)));
    query = end == std::string_view::npos ? "" : query.substr(end + 1);
  }
  return target;
}

Answer refusal(int status, std::string_view message) {
  const nlohmann::json body = {{"error", {{"code", status}, {"reason", reason_of(status)}, {"message", message}}}};
  return {.status = status,
          // What came from outside may be no UTF-8; it is replaced, not refused again.
          .body = std::make_shared<const std::string>(
              body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n")};
}

}  // namespace poolwright::serve

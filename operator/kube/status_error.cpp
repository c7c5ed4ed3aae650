#include "kube/status_error.h"

#include "api/object.h"
#include "kube/json_reader.h"

namespace poolwright::kube {

namespace {

using api::Json;

constexpr std::size_t kMessageLengthMax = 1024;

struct StatusBody {
  std::string reason;
  std::string message;
  std::optional<Duration> retry_after;
};

std::string text_at(const Json& object, const char* field) {
  const auto found = object.find(field);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

StatusBody read_status(std::string_view body) {
  StatusBody status;
  const auto parsed = read_json(body);
  if (!parsed || !parsed->is_object()) return status;
  status.reason = text_at(*parsed, "reason");
  status.message = text_at(*parsed, "message").substr(0, kMessageLengthMax);
  const auto details = parsed->find("details");
  if (details != parsed->end() && details->is_object()) {
    const auto seconds = details->find("retryAfterSeconds");
    if (seconds != details->end() && seconds->is_number_integer() && *seconds > 0 && *seconds < 86400) {
      status.retry_after = std::chrono::seconds{seconds->get<int>()};
    }
  }
  return status;
}

ErrorKind kind_of(int status, const std::string& reason) {
  switch (status) {
    case 401:
      return ErrorKind::kUnauthorized;
    case 403:
      return ErrorKind::kForbidden;
    case 404:
      return ErrorKind::kNotFound;
    case 409:
      return reason == "AlreadyExists" ? ErrorKind::kAlreadyExists : ErrorKind::kConflict;
    case 410:
      return ErrorKind::kGone;
    case 408:
      return ErrorKind::kUnavailable;
    case 429:
      return ErrorKind::kThrottled;
    default:
      break;
  }
  if (status >= 500) return ErrorKind::kUnavailable;
  if (status >= 400) return reason == "Expired" ? ErrorKind::kGone : ErrorKind::kInvalid;
  return ErrorKind::kProtocol;  // 1xx and 3xx: nothing that this API answers
}

/// Answers about rights and existence name objects and users; the others can quote what was sent.
bool may_quote_values(int status, const std::string& message) {
  const bool is_about_names = status == 401 || status == 403 || status == 404 || status == 409 || status == 410;
  return !is_about_names || message.starts_with("admission webhook");
}

}  // namespace

Error error_of(const Refusal& refusal, const std::string& operation, bool is_secret) {
  const StatusBody body = read_status(refusal.body);
  const auto retry_after = refusal.retry_after ? refusal.retry_after : body.retry_after;
  std::string cause = body.message;
  if (cause.empty() || (is_secret && may_quote_values(refusal.status, cause))) {
    cause = "the API server answered " + std::to_string(refusal.status);
    if (!body.reason.empty()) cause += " " + body.reason;
  }
  Error error = make_error(kind_of(refusal.status, body.reason), operation + ": " + cause);
  error.retry_after = retry_after;
  return error;
}

}  // namespace poolwright::kube

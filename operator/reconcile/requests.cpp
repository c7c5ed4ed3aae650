#include "reconcile/requests.h"

#include "api/status.h"
#include "base/rfc3339.h"

namespace poolwright::reconcile {

namespace {

constexpr const char* kDisabled = "disabled";
constexpr const char* kEnabled = "enabled";
constexpr std::size_t kShownLength = 64;

std::string shown(const std::string& value) { return "got \"" + api::shortened(value, kShownLength) + "\""; }

/// "" where the annotation is a time or absent.
std::string time_mistake(const api::Json& pool, const char* annotation) {
  const std::string value = api::annotation(pool, annotation);
  if (value.empty() || parse_rfc3339(value)) return {};
  return std::string("annotation ") + annotation + ": must be a time such as 2026-01-02T03:04:05Z; " + shown(value) +
         ", which is not looked at";
}

std::string pause_mistake(const api::Json& pool, WallTime now) {
  std::string mistake = time_mistake(pool, kPauseUntilAnnotation);
  const std::string value = api::annotation(pool, kPauseUntilAnnotation);
  if (!mistake.empty() || value.empty() || pause_until_of(pool, now)) return mistake;
  return std::string("annotation ") + kPauseUntilAnnotation + ": must be at most " + std::to_string(kPauseMax.count()) +
         " minutes ahead; " + shown(value) + ", so clients do not wait; remove it";
}

}  // namespace

bool is_paused(const api::Json& pool) { return api::annotation(pool, kReconcileAnnotation) == kDisabled; }

std::string annotation_mistake(const api::Json& pool, WallTime now) {
  const std::string value = api::annotation(pool, kReconcileAnnotation);
  if (!value.empty() && value != kDisabled && value != kEnabled) {
    return std::string("annotation ") + kReconcileAnnotation + ": must be " + kDisabled + " or " + kEnabled + "; " +
           shown(value) + ", which is taken for " + kEnabled;
  }
  std::string mistake = pause_mistake(pool, now);
  if (mistake.empty()) mistake = time_mistake(pool, kReconnectAnnotation);
  return mistake.empty() ? time_mistake(pool, kRotateAnnotation) : mistake;
}

std::optional<WallTime> pause_until_of(const api::Json& pool, WallTime now) {
  const auto until = parse_rfc3339(api::annotation(pool, kPauseUntilAnnotation));
  return until && *until <= now + kPauseMax ? until : std::nullopt;
}

std::optional<WallTime> reconnect_request_of(const api::Json& pool) {
  return parse_rfc3339(api::annotation(pool, kReconnectAnnotation));
}

std::optional<WallTime> rotate_request_of(const api::Json& pool) {
  return parse_rfc3339(api::annotation(pool, kRotateAnnotation));
}

std::string request_of(const api::Json& pool) {
  return api::shortened(api::annotation(pool, kRequestedAtAnnotation), api::kRequestLengthMax);
}

bool has_new_request(const api::Json& pool) {
  const std::string request = request_of(pool);
  const api::Json status = pool.value("status", api::Json::object());
  return !request.empty() && (!status.is_object() || status.value("lastHandledRequest", "") != request);
}

}  // namespace poolwright::reconcile

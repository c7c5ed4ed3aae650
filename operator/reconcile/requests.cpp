#include "reconcile/requests.h"

#include "api/status.h"

namespace poolwright::reconcile {

namespace {

constexpr const char* kDisabled = "disabled";
constexpr const char* kEnabled = "enabled";
constexpr std::size_t kShownLength = 64;

}  // namespace

bool is_paused(const api::Json& pool) { return api::annotation(pool, kReconcileAnnotation) == kDisabled; }

std::string annotation_mistake(const api::Json& pool) {
  const std::string value = api::annotation(pool, kReconcileAnnotation);
  if (value.empty() || value == kDisabled || value == kEnabled) return {};
  return std::string("annotation ") + kReconcileAnnotation + ": must be " + kDisabled + " or " + kEnabled + "; got \"" +
         api::shortened(value, kShownLength) + "\", which is taken for " + kEnabled;
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

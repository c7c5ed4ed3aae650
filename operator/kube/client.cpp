#include "kube/client.h"

#include <algorithm>

#include "base/retry.h"
#include "kube/json_reader.h"
#include "kube/listing.h"
#include "kube/status_error.h"

namespace poolwright::kube {

namespace {

using api::Json;
using api::ObjectKey;

/// One try never takes longer, however patient the caller is.
constexpr Duration kAttemptMax = std::chrono::seconds{30};
constexpr Duration kRetryAfterMax = std::chrono::seconds{60};
constexpr Backoff kRetryBackoff{.first = Duration{200}, .cap = std::chrono::seconds{10}};
constexpr int kTriesMax = 6;
constexpr std::size_t kPagesMax = 2000;  // a million objects

constexpr const char* kApplyType = "application/apply-patch+yaml";  // JSON is YAML
constexpr const char* kMergeType = "application/merge-patch+json";
constexpr const char* kJsonType = "application/json";

/// Text in a status or a log line may not be UTF-8; it must not stop the write.
std::string text_of(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

bool is_secret_kind(const ObjectKey& key) {
  const Resource* resource = find_resource(key.api_version, key.kind);
  return resource != nullptr && resource->is_secret;
}

std::string apply_query() { return std::string("fieldManager=") + kFieldManager + "&force=true"; }
std::string manager_query() { return std::string("fieldManager=") + kFieldManager; }

}  // namespace

struct Client::Call {
  Request request;
  std::string operation;  // "apply Deployment shop/orders-pool"
  bool is_idempotent = true;
  bool is_secret = false;
};

/// A try that failed.
struct Client::Attempt {
  const Error& error;
  int failures;     // so far, with this one
  bool had_answer;  // the API server refused; else the transport failed
  int unauthorized;
};

Result<Json> Client::get(const ObjectKey& key, const CallLimits& limits) {
  Call call{.request = {}, .operation = "get " + api::to_string(key), .is_secret = is_secret_kind(key)};
  PW_ASSIGN_OR_RETURN(call.request.path, object_path(key));
  return call_for_object(std::move(call), limits);
}

Result<Json> Client::apply(const Json& object, const CallLimits& limits) {
  const ObjectKey key = api::key_of(object);
  Call call{.request = {.method = Method::kPatch, .path = {}, .query = apply_query()},
            .operation = "apply " + api::to_string(key),
            .is_secret = is_secret_kind(key)};
  PW_ASSIGN_OR_RETURN(call.request.path, object_path(key));
  call.request.content_type = kApplyType;
  call.request.body = text_of(object);
  return call_for_object(std::move(call), limits);
}

Result<Json> Client::apply_status(const ObjectKey& key, const Json& status, const CallLimits& limits) {
  Call call{.request = {.method = Method::kPatch, .path = {}, .query = apply_query()},
            .operation = "apply status of " + api::to_string(key),
            .is_secret = is_secret_kind(key)};
  PW_ASSIGN_OR_RETURN(call.request.path, object_path(key));
  call.request.path += "/status";
  call.request.content_type = kApplyType;
  Json metadata = {{"name", key.name}};
  if (!key.namespace_name.empty()) metadata["namespace"] = key.namespace_name;
  call.request.body =
      text_of({{"apiVersion", key.api_version}, {"kind", key.kind}, {"metadata", metadata}, {"status", status}});
  return call_for_object(std::move(call), limits);
}

Result<Json> Client::merge_patch(const ObjectKey& key, const Json& patch, const CallLimits& limits) {
  Call call{.request = {.method = Method::kPatch, .path = {}, .query = manager_query()},
            .operation = "patch " + api::to_string(key),
            .is_secret = is_secret_kind(key)};
  PW_ASSIGN_OR_RETURN(call.request.path, object_path(key));
  call.request.content_type = kMergeType;
  call.request.body = text_of(patch);
  return call_for_object(std::move(call), limits);
}

Result<Json> Client::replace(const Json& object, const CallLimits& limits) {
  const ObjectKey key = api::key_of(object);
  const bool has_version = !api::metadata_string(object, "resourceVersion").empty();
  Call call{.request = {.method = Method::kPut, .path = {}, .query = manager_query()},
            .operation = "replace " + api::to_string(key),
            .is_idempotent = has_version,  // else a second PUT could undo what somebody wrote in between
            .is_secret = is_secret_kind(key)};
  PW_ASSIGN_OR_RETURN(call.request.path, object_path(key));
  call.request.content_type = kJsonType;
  call.request.body = text_of(object);
  return call_for_object(std::move(call), limits);
}

Result<Json> Client::create(const Json& object, const CallLimits& limits) {
  const ObjectKey key = api::key_of(object);
  Call call{.request = {.method = Method::kPost, .path = {}, .query = manager_query()},
            .operation = "create " + api::to_string(key),
            .is_idempotent = false,
            .is_secret = is_secret_kind(key)};
  if (!key.name.empty() && !is_object_name(key.name)) {
    return make_error(ErrorKind::kInvalid, call.operation + ": the name is not valid");
  }
  const Selection collection{.api_version = key.api_version, .kind = key.kind, .namespace_name = key.namespace_name};
  PW_ASSIGN_OR_RETURN(call.request.path, collection_path(collection));
  call.request.content_type = kJsonType;
  call.request.body = text_of(object);
  return call_for_object(std::move(call), limits);
}

Result<Removal> Client::remove(const ObjectKey& key, const std::string& uid, const CallLimits& limits) {
  Call call{.request = {.method = Method::kDelete, .path = {}, .query = {}},
            .operation = "delete " + api::to_string(key),
            .is_idempotent = !uid.empty(),
            .is_secret = is_secret_kind(key)};
  PW_ASSIGN_OR_RETURN(call.request.path, object_path(key));
  Json options = {{"apiVersion", "v1"}, {"kind", "DeleteOptions"}, {"propagationPolicy", "Background"}};
  if (!uid.empty()) options["preconditions"] = {{"uid", uid}};
  call.request.content_type = kJsonType;
  call.request.body = text_of(options);
  const auto answer = call_for_object(std::move(call), limits);
  if (!answer && answer.error().kind == ErrorKind::kNotFound) return Removal::kGone;
  if (!answer) return answer.error();
  // The answer is a Status, or the object: as it was, or marked because something still holds it.
  return api::metadata_string(*answer, "deletionTimestamp").empty() ? Removal::kGone : Removal::kStarted;
}

Result<Json> Client::get_path(const std::string& path, const CallLimits& limits) {
  Call call{.request = {.method = Method::kGet, .path = path, .query = {}}, .operation = "get " + path};
  return call_for_object(std::move(call), limits);
}

Result<std::vector<Json>> Client::list(const Selection& selection, const CallLimits& limits) {
  auto objects = list_pages(selection, limits);
  if (!objects && objects.error().kind == ErrorKind::kGone) objects = list_pages(selection, limits);
  return objects;
}

Result<std::vector<Json>> Client::list_pages(const Selection& selection, const CallLimits& limits) {
  const Resource* resource = find_resource(selection.api_version, selection.kind);
  std::vector<Json> objects;
  std::string token;
  for (std::size_t pages = 0; pages < kPagesMax; ++pages) {
    Call call{.request = {},
              .operation = "list " + to_string(selection),
              .is_secret = resource != nullptr && resource->is_secret};
    PW_ASSIGN_OR_RETURN(call.request, list_request(selection, token));
    auto answer = send(std::move(call), limits);
    if (!answer && !token.empty() && answer.error().kind == ErrorKind::kInvalid) {
      return make_error(ErrorKind::kGone, answer.error().message);  // the page token is not taken any more
    }
    if (!answer) return answer.error();
    PW_ASSIGN_OR_RETURN(const Page page, read_page(selection, answer->body));
    for (const auto& object : page.objects) objects.push_back(*object);
    token = page.continue_token;
    if (token.empty()) return objects;
  }
  return make_error(ErrorKind::kProtocol, "list " + to_string(selection) + ": the list does not end");
}

Result<Json> Client::call_for_object(Call call, const CallLimits& limits) {
  const std::string operation = call.operation;
  PW_ASSIGN_OR_RETURN(const Response answer, send(std::move(call), limits));
  auto object = read_json(answer.body);
  if (!object) return with_context(object.error(), operation);
  if (!object->is_object()) return make_error(ErrorKind::kProtocol, operation + ": the answer is no object");
  return object;
}

Result<Response> Client::send(Call call, const CallLimits& limits) {
  call.request.on_fresh_connection = call.request.method == Method::kPost;
  int unauthorized = 0;
  for (int failures = 1;; ++failures) {
    auto answer = parts_.transport.unary(call.request, {limits.deadline.at_most(kAttemptMax), limits.stop});
    if (answer && answer->status >= 200 && answer->status < 300) return answer;
    const Error error =
        answer ? error_of({answer->status, answer->body, answer->retry_after}, call.operation, call.is_secret)
               : with_context(answer.error(), call.operation);
    if (error.kind == ErrorKind::kUnauthorized) {
      ++unauthorized;
      parts_.transport.renew();
    }
    const auto delay = retry_delay(call, {error, failures, answer.has_value(), unauthorized});
    if (!delay || *delay >= limits.deadline.left()) return error;
    if (!answer) call.request.on_fresh_connection = true;  // a second stale one would fail the same way
    if (*delay > Duration{0} && !parts_.waiter.wait(*delay, limits.stop)) {
      return make_error(ErrorKind::kCancelled, call.operation + ": stopped");
    }
  }
}

std::optional<Duration> Client::retry_delay(const Call& call, const Attempt& attempt) {
  const Error& error = attempt.error;
  if (attempt.failures >= kTriesMax) return std::nullopt;
  const auto asked_for = [&] {
    const Duration named = std::min(error.retry_after.value_or(std::chrono::seconds{1}), kRetryAfterMax);
    return named + Duration{static_cast<Duration::rep>(static_cast<double>(named.count()) * 0.2 *
                                                       parts_.random.next_fraction())};
  };
  switch (error.kind) {
    case ErrorKind::kThrottled:
      return asked_for();
    case ErrorKind::kUnauthorized:
      if (attempt.unauthorized > 1) return std::nullopt;
      return Duration{0};
    case ErrorKind::kUnavailable:
    case ErrorKind::kDeadlineExceeded:
      if (!call.is_idempotent) return std::nullopt;
      if (error.retry_after) return asked_for();
      if (!attempt.had_answer && attempt.failures == 1) return Duration{0};
      return backoff_delay(kRetryBackoff, std::max(1, attempt.failures - 1), parts_.random);
    default:
      return std::nullopt;
  }
}

}  // namespace poolwright::kube

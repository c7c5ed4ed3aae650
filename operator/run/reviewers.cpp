#include "run/reviewers.h"

#include <utility>

namespace poolwright::run {

namespace {

using api::Json;

std::string text_at(const Json& object, const char* member) {
  const auto found = object.find(member);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool is_true(const Json& object, const char* member) {
  const auto found = object.find(member);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

std::vector<std::string> texts_of(const Json& list) {
  std::vector<std::string> texts;
  if (!list.is_array()) return texts;
  for (const Json& entry : list) {
    if (entry.is_string()) texts.push_back(entry.get<std::string>());
  }
  return texts;
}

const Json* status_of(const Json& review) {
  const auto status = review.is_object() ? review.find("status") : review.end();
  return status != review.end() && status->is_object() ? &*status : nullptr;
}

}  // namespace

Result<serve::Identity> identity_of(const Json& token_review) {
  const Json* status = status_of(token_review);
  if (status == nullptr) return make_error(ErrorKind::kProtocol, "the answer to a TokenReview has no status");
  if (!is_true(*status, "authenticated")) {
    // An error beside it means that the API server could not find out (its own webhook is down, for example).
    const std::string error = text_at(*status, "error");
    return make_error(ErrorKind::kUnauthorized, error.empty() ? "the API server does not know this token"
                                                              : "the API server does not accept this token");
  }
  const auto user = status->find("user");
  if (user == status->end() || !user->is_object() || text_at(*user, "username").empty()) {
    return make_error(ErrorKind::kProtocol, "the answer to a TokenReview names no user");
  }
  serve::Identity identity{.user = text_at(*user, "username"), .uid = text_at(*user, "uid")};
  if (const auto groups = user->find("groups"); groups != user->end()) identity.groups = texts_of(*groups);
  if (const auto extra = user->find("extra"); extra != user->end() && extra->is_object()) {
    for (const auto& [key, values] : extra->items()) identity.extra.emplace(key, texts_of(values));
  }
  return identity;
}

Status access_of(const Json& access_review, const serve::Identity& identity, std::string_view verb,
                 std::string_view path) {
  const Json* status = status_of(access_review);
  if (status == nullptr) return make_error(ErrorKind::kProtocol, "the answer to a SubjectAccessReview has no status");
  if (is_true(*status, "allowed") && !is_true(*status, "denied")) return ok();
  return make_error(ErrorKind::kForbidden,
                    identity.user + " may not '" + std::string(verb) + "' '" + std::string(path) + "'");
}

Result<Json> KubeReviewers::ask(const Json& question, const char* what) {
  auto answer = client_.create(question, {.deadline = Deadline(clock_, kReviewLimit), .stop = stop_.get_token()});
  if (answer) return answer;
  Error error = std::move(answer).error();
  // These two are about the operator's own credentials and rights.
  if (error.kind == ErrorKind::kUnauthorized || error.kind == ErrorKind::kForbidden) {
    error.kind = ErrorKind::kUnavailable;
  }
  return with_context(std::move(error), what);
}

Result<serve::Identity> KubeReviewers::review(const SecretString& token) {
  const Json question = {{"apiVersion", "authentication.k8s.io/v1"},
                         {"kind", "TokenReview"},
                         {"metadata", Json::object()},
                         {"spec", {{"token", token.reveal()}}}};
  PW_ASSIGN_OR_RETURN(const Json answer, ask(question, "ask whose token it is"));
  return identity_of(answer);
}

Status KubeReviewers::review(const serve::Identity& identity, std::string_view verb, std::string_view path) {
  Json spec = {{"user", identity.user},
               {"groups", identity.groups},
               {"nonResourceAttributes", {{"verb", verb}, {"path", path}}}};
  if (!identity.uid.empty()) spec["uid"] = identity.uid;
  if (!identity.extra.empty()) spec["extra"] = identity.extra;
  const Json question = {{"apiVersion", "authorization.k8s.io/v1"},
                         {"kind", "SubjectAccessReview"},
                         {"metadata", Json::object()},
                         {"spec", std::move(spec)}};
  PW_ASSIGN_OR_RETURN(const Json answer, ask(question, "ask what they may"));
  return access_of(answer, identity, verb, path);
}

}  // namespace poolwright::run

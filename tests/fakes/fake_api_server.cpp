#include "fakes/fake_api_server.h"

#include <utility>

#include "kube/json_reader.h"

namespace poolwright::fakes {

using api::Json;

namespace {

bool is_partial(const kube::Request& request) {
  return request.accept.find("PartialObjectMetadata") != std::string::npos;
}

bool is_selected(const kube::Selection& selection, const kube::Resource& resource, const Json& object) {
  return resource.kind == selection.kind && resource.api_version == selection.api_version &&
         (selection.namespace_name.empty() || selection.namespace_name == api::metadata_string(object, "namespace")) &&
         matches_labels(object, selection.label_selector) && matches_fields(object, selection.field_selector);
}

std::string line(const std::string& type, const Json& object) {
  return Json{{"type", type}, {"object", object}}.dump();
}

void deliver(kube::StreamSink& sink, const kube::Response& response) {
  sink.on_status(response.status, response.retry_after);
  sink.on_line(response.body);
  sink.on_end(ok());
}

}  // namespace

/// Closes its watch when the reader lets go of it.
class FakeApiServer::WatchStream final : public kube::Stream {
 public:
  WatchStream(FakeApiServer& server, std::uint64_t id) : server_(server), id_(id) {}
  ~WatchStream() override { server_.close(id_); }

 private:
  FakeApiServer& server_;
  const std::uint64_t id_;
};

Result<kube::Response> FakeApiServer::unary(const kube::Request& request, const CallLimits& limits) {
  if (limits.stop.stop_requested()) return make_error(ErrorKind::kCancelled, "ended by us");
  if (limits.deadline.passed()) return make_error(ErrorKind::kDeadlineExceeded, "no answer within the deadline");
  std::shared_ptr<Interference> interference;
  {
    const MutexLock lock(mutex_);
    ++requests_[request.method];
    interference = interference_;
  }
  if (interference) {
    if (auto instead = (*interference)(request)) return *instead;
  }
  const MutexLock lock(mutex_);
  kube::Response response = respond(request);
  if (lost_.contains(request.method)) return make_error(ErrorKind::kUnavailable, "no answer: the connection was lost");
  return response;
}

std::unique_ptr<kube::Stream> FakeApiServer::open(const kube::Request& request,
                                                  std::shared_ptr<kube::StreamSink> sink) {
  std::shared_ptr<Interference> interference;
  {
    const MutexLock lock(mutex_);
    ++requests_[request.method];
    interference = interference_;
  }
  if (interference) {
    if (const auto instead = (*interference)(request)) {
      if (*instead) {
        deliver(*sink, **instead);
      } else {
        sink->on_end(instead->error());
      }
      return std::make_unique<WatchStream>(*this, 0);
    }
  }
  const auto target = parse_target(request);
  const MutexLock lock(mutex_);
  if (!target || target->parameter("watch") != "true") {
    deliver(*sink, respond(request));
    return std::make_unique<WatchStream>(*this, 0);
  }
  const std::uint64_t id = next_watch_++;
  if (begin_watch(*target, sink)) {
    watches_[id] = {.selection = target->selection(is_partial(request)), .sink = std::move(sink)};
    const std::string version = target->parameter("resourceVersion");
    for (const Change& change : history_) {
      if (change.version > std::stoull(version)) tell(watches_[id], change);
    }
  }
  return std::make_unique<WatchStream>(*this, id);
}

bool FakeApiServer::begin_watch(const Target& target, const std::shared_ptr<kube::StreamSink>& sink) {
  const std::string version = target.parameter("resourceVersion");
  const bool is_too_old = version.empty() || std::stoull(version) < oldest_version_;
  const kube::Response gone = refusal(410, "Expired", "too old resource version: " + version);
  if (is_too_old && gone_form_ == GoneForm::kStatus) {
    deliver(*sink, gone);
    return false;
  }
  sink->on_status(200, std::nullopt);
  if (!is_too_old) return true;
  sink->on_line(line("ERROR", Json::parse(gone.body)));
  sink->on_end(ok());
  return false;
}

void FakeApiServer::close(std::uint64_t id) {
  const MutexLock lock(mutex_);
  watches_.erase(id);
}

void FakeApiServer::renew() {
  const MutexLock lock(mutex_);
  ++renewals_;
}

void FakeApiServer::interfere(Interference interference) {
  const MutexLock lock(mutex_);
  interference_ = interference ? std::make_shared<Interference>(std::move(interference)) : nullptr;
}

void FakeApiServer::lose_answers(std::set<kube::Method> methods) {
  const MutexLock lock(mutex_);
  lost_ = std::move(methods);
}

void FakeApiServer::cut_watches(const Status& status) {
  const MutexLock lock(mutex_);
  for (auto& [id, watch] : std::exchange(watches_, {})) watch.sink->on_end(status);
}

void FakeApiServer::compact(GoneForm form) {
  const MutexLock lock(mutex_);
  gone_form_ = form;
  oldest_version_ = ++version_;
  history_.clear();
}

void FakeApiServer::send_bookmarks() {
  const MutexLock lock(mutex_);
  for (const auto& [id, watch] : watches_) {
    const Json object = {{"apiVersion", watch.selection.api_version},
                         {"kind", watch.selection.kind},
                         {"metadata", {{"resourceVersion", std::to_string(version_)}, {"creationTimestamp", nullptr}}}};
    watch.sink->on_line(line("BOOKMARK", object));
  }
}

void FakeApiServer::send_line(const std::string& line_text) {
  const MutexLock lock(mutex_);
  for (const auto& [id, watch] : watches_) watch.sink->on_line(line_text);
}

void FakeApiServer::record(const std::string& type, const Place& place, const Json& before, const Json& after) {
  history_.push_back({.version = version_, .type = type, .place = place, .object = after, .before = before});
  for (const auto& [id, watch] : watches_) tell(watch, history_.back());
}

/// A label that no longer fits looks like a deletion to the watch, one that newly fits like a creation.
void FakeApiServer::tell(const Watch& watch, const Change& change) {
  const kube::Resource& resource = *change.place.resource;
  const bool was = !change.before.is_null() && is_selected(watch.selection, resource, change.before);
  const bool is = change.type != "DELETED" && is_selected(watch.selection, resource, change.object);
  if (!was && !is) return;
  const char* const type = !was ? "ADDED" : (is ? "MODIFIED" : "DELETED");
  watch.sink->on_line(line(type, shown(watch.selection, change.object)));
}

std::vector<const Json*> FakeApiServer::select(const kube::Selection& selection) const {
  std::map<std::pair<std::string, std::string>, const Json*> found;
  for (const auto& [place, entry] : entries_) {
    if (is_selected(selection, *place.resource, entry.object)) {
      found[{place.namespace_name, place.name}] = &entry.object;
    }
  }
  std::vector<const Json*> objects;
  objects.reserve(found.size());
  for (const auto& [name, object] : found) objects.push_back(object);
  return objects;
}

kube::Response FakeApiServer::list(const Target& target) const {
  const bool is_metadata_only = target.parameter("metadata_only") == "true";
  const auto objects = select(target.selection(is_metadata_only));
  std::size_t first = 0;
  std::string version = std::to_string(version_);
  if (const std::string token = target.parameter("continue"); !token.empty()) {
    const std::size_t slash = token.find('/');
    if (slash == std::string::npos) return refusal(400, "BadRequest", "continue key is not valid");
    version = token.substr(0, slash);
    if (std::stoull(version) < oldest_version_)
      return refusal(410, "Expired", "the provided continue token is too old");
    first = std::stoull(token.substr(slash + 1));
  }
  const std::string limit_text = target.parameter("limit");
  const std::size_t limit = limit_text.empty() ? objects.size() : std::stoull(limit_text);
  Json items = Json::array();
  const std::size_t end = std::min(objects.size(), first + limit);
  for (std::size_t i = first; i < end; ++i) {
    Json item = shown(target.selection(is_metadata_only), *objects[i]);
    item.erase("apiVersion");  // a list says it once, for all
    item.erase("kind");
    items.push_back(std::move(item));
  }
  Json metadata = {{"resourceVersion", version}};
  if (end < objects.size()) metadata["continue"] = version + "/" + std::to_string(end);
  return answer(200, {{"apiVersion", target.resource->api_version},
                      {"kind", std::string(target.resource->kind) + "List"},
                      {"metadata", metadata},
                      {"items", items}});
}

std::uint64_t FakeApiServer::requests(kube::Method method) const {
  const MutexLock lock(mutex_);
  const auto found = requests_.find(method);
  return found == requests_.end() ? 0 : found->second;
}

FakeApiServer::Writes FakeApiServer::writes() const {
  const MutexLock lock(mutex_);
  return writes_;
}

std::size_t FakeApiServer::open_watches() const {
  const MutexLock lock(mutex_);
  return watches_.size();
}

std::uint64_t FakeApiServer::renewals() const {
  const MutexLock lock(mutex_);
  return renewals_;
}

Json FakeApiServer::stored(const api::ObjectKey& key) const {
  const MutexLock lock(mutex_);
  const kube::Resource* resource = kube::find_resource(key.api_version, key.kind);
  const auto found = entries_.find({resource, key.namespace_name, key.name});
  return found == entries_.end() ? Json() : found->second.object;
}

std::vector<Json> FakeApiServer::stored_of(const std::string& kind) const {
  const MutexLock lock(mutex_);
  std::vector<Json> objects;
  for (const auto& [place, entry] : entries_) {
    if (place.resource->kind == kind) objects.push_back(entry.object);
  }
  return objects;
}

kube::Response FakeApiServer::respond(const kube::Request& request) {
  if (request.path == "/livez" || request.path == "/readyz") return {.status = 200, .body = "ok"};
  if (request.path == "/version") return answer(200, {{"major", "1"}, {"minor", "36"}, {"gitVersion", "v1.36.0"}});
  auto target = parse_target(request);
  if (!target) return refusal(404, "NotFound", "the server could not find the requested resource");
  if (is_partial(request)) target->query["metadata_only"] = "true";
  Json body = Json::object();
  if (!request.body.empty()) {
    auto parsed = kube::read_json(request.body);
    if (!parsed || !parsed->is_object()) return refusal(400, "BadRequest", "the body is no object");
    body = std::move(*parsed);
  }
  switch (request.method) {
    case kube::Method::kGet:
      return target->name.empty() ? list(*target) : get(*target);
    case kube::Method::kPost:
      return create(*target, body, target->parameter("fieldManager"));
    case kube::Method::kPut:
      return replace(*target, body);
    case kube::Method::kPatch:
      return patch(*target, request, body);
    case kube::Method::kDelete:
      return remove(*target, body);
  }
  return refusal(405, "MethodNotAllowed", "this method is not known");
}

}  // namespace poolwright::fakes

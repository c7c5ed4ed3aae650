#include "kube/listing.h"

#include "kube/json_reader.h"
#include "kube/status_error.h"

namespace poolwright::kube {

namespace {

using api::Json;

std::string accept_for(const Selection& selection, std::string_view partial_kind) {
  if (!selection.metadata_only) return "application/json";
  return "application/json;as=" + std::string(partial_kind) + ";g=meta.k8s.io;v=v1";
}

std::string selector_query(const Selection& selection) {
  std::string query;
  if (!selection.label_selector.empty()) query += "&labelSelector=" + encode_query_value(selection.label_selector);
  if (!selection.field_selector.empty()) query += "&fieldSelector=" + encode_query_value(selection.field_selector);
  return query;
}

/// Gives the object the identity that its collection has, and drops what nobody reads.
Status normalise(const Selection& selection, Json& object) {
  if (!object.is_object() || api::metadata_string(object, "name").empty()) {
    return make_error(ErrorKind::kProtocol, to_string(selection) + ": an object without a name");
  }
  object["apiVersion"] = selection.api_version;
  object["kind"] = selection.kind;
  object["metadata"].erase("managedFields");
  return ok();
}

Error no_event(const Selection& selection, std::string_view what) {
  return make_error(ErrorKind::kProtocol, "watch " + to_string(selection) + ": " + std::string(what));
}

Error error_event(const Selection& selection, const Json& status) {
  int code = 500;
  const auto found = status.find("code");
  if (found != status.end() && found->is_number_integer()) code = found->get<int>();
  const Resource* resource = find_resource(selection.api_version, selection.kind);
  const std::string body = status.dump(-1, ' ', false, Json::error_handler_t::replace);
  return error_of({.status = code, .body = body, .retry_after = std::nullopt}, "watch " + to_string(selection),
                  resource != nullptr && resource->is_secret);
}

}  // namespace

Result<Request> list_request(const Selection& selection, const std::string& continue_token) {
  Request request;
  PW_ASSIGN_OR_RETURN(request.path, collection_path(selection));
  // No resourceVersion: the most recent state. Any other choice may go back in time between two API servers.
  request.query = "limit=" + std::to_string(kPageObjectsMax) + selector_query(selection);
  if (!continue_token.empty()) request.query += "&continue=" + encode_query_value(continue_token);
  request.accept = accept_for(selection, "PartialObjectMetadataList");
  return request;
}

Result<Request> watch_request(const Selection& selection, const std::string& version, int timeout_seconds) {
  Request request;
  PW_ASSIGN_OR_RETURN(request.path, collection_path(selection));
  request.query = "watch=true&allowWatchBookmarks=true&resourceVersion=" + encode_query_value(version) +
                  "&timeoutSeconds=" + std::to_string(timeout_seconds) + selector_query(selection);
  request.accept = accept_for(selection, "PartialObjectMetadata");
  return request;
}

Result<Page> read_page(const Selection& selection, std::string_view body) {
  auto parsed = read_json(body);
  if (!parsed) return with_context(parsed.error(), "list " + to_string(selection));
  Page page;
  page.version = api::metadata_string(*parsed, "resourceVersion");
  page.continue_token = api::metadata_string(*parsed, "continue");
  const auto items = parsed->is_object() ? parsed->find("items") : parsed->end();
  const bool has_items = parsed->is_object() && items != parsed->end() && (items->is_array() || items->is_null());
  if (!has_items || page.version.empty()) {
    return make_error(ErrorKind::kProtocol, "list " + to_string(selection) + ": the answer is no list");
  }
  page.objects.reserve(items->size());
  for (Json& item : *items) {
    PW_RETURN_IF_ERROR(normalise(selection, item));
    page.objects.push_back(std::make_shared<const Json>(std::move(item)));
  }
  return page;
}

Result<WatchEvent> read_event(const Selection& selection, std::string_view line) {
  auto parsed = read_json(line);
  if (!parsed) return with_context(parsed.error(), "watch " + to_string(selection));
  if (!parsed->is_object()) return no_event(selection, "a line that is no event");
  const auto type_at = parsed->find("type");
  const auto object_at = parsed->find("object");
  if (type_at == parsed->end() || !type_at->is_string() || object_at == parsed->end() || !object_at->is_object()) {
    return no_event(selection, "a line that is no event");
  }
  const std::string type = type_at->get<std::string>();
  Json& object = *object_at;
  if (type == "ERROR") return error_event(selection, object);

  WatchEvent event;
  event.version = api::metadata_string(object, "resourceVersion");
  if (event.version.empty()) return no_event(selection, "an event without a version");
  if (type == "BOOKMARK") return event;
  if (type == "DELETED") {
    event.type = WatchEventType::kDeleted;
  } else if (type == "ADDED" || type == "MODIFIED") {
    event.type = WatchEventType::kChanged;
  } else {
    return no_event(selection, "an event of an unknown type");
  }
  PW_RETURN_IF_ERROR(normalise(selection, object));
  event.object = std::make_shared<const Json>(std::move(object));
  return event;
}

}  // namespace poolwright::kube

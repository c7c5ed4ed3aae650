// What a list or a watch asks for and what it gets: requests and answers without any I/O.
// Thread rule: pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/object_store.h"
#include "kube/resource.h"
#include "kube/transport.h"

namespace poolwright::kube {

/// Objects per page. A page of the largest objects that users write stays below the transport's limit.
inline constexpr int kPageObjectsMax = 500;

/// Invalid for a selection that no path can be made of.
Result<Request> list_request(const Selection& selection, const std::string& continue_token);
Result<Request> watch_request(const Selection& selection, const std::string& version, int timeout_seconds);

struct Page {
  std::vector<api::Object> objects;
  std::string version;         // of the whole list
  std::string continue_token;  // "" = last page
};

/// Objects as they go into the cache: apiVersion and kind set (a list leaves them out), managedFields dropped.
/// Protocol where the body is no list of named objects with a version.
Result<Page> read_page(const Selection& selection, std::string_view body);

enum class WatchEventType { kChanged, kDeleted, kBookmark };

struct WatchEvent {
  WatchEventType type = WatchEventType::kBookmark;
  api::Object object;   // null for a bookmark
  std::string version;  // the watch can be resumed from here
};

/// An ERROR event comes out as the error that its Status stands for (Gone where the version is too old); Protocol for
/// anything that is no event.
Result<WatchEvent> read_event(const Selection& selection, std::string_view line);

}  // namespace poolwright::kube

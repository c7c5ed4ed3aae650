// Objects at the API server: read, list, server-side apply, patch, delete, create. Turns answers into kinds of errors
// and repeats what may be repeated, inside the caller's limits. Thread rule: any thread; every call blocks until its
// deadline at most. All parameters of the constructor outlive the client. Errors: the kinds of base/error.h as
// documented there. Messages carry the API server's own words, except for Secrets, where those could quote a value.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/object.h"
#include "base/deadline.h"
#include "base/random.h"
#include "base/result.h"
#include "kube/resource.h"
#include "kube/transport.h"
#include "kube/waiter.h"

namespace poolwright::kube {

/// The one name under which our fields are recorded.
inline constexpr const char* kFieldManager = "poolwright";

struct ClientParts {
  Transport& transport;
  const Clock& clock;
  Random& random;
  Waiter& waiter;
};

/// What a delete did.
enum class Removal { kGone, kStarted };  // kStarted: finalizers or a grace period still hold the object

class Client {
 public:
  explicit Client(const ClientParts& parts) : parts_(parts) {}

  Result<api::Json> get(const api::ObjectKey& key, const CallLimits& limits);
  /// All pages. Starts once more from scratch where a page token grew too old meanwhile.
  Result<std::vector<api::Json>> list(const Selection& selection, const CallLimits& limits);

  /// Server-side apply, forced for the fields that `object` has; creates it where it is absent. The stored object.
  Result<api::Json> apply(const api::Json& object, const CallLimits& limits);
  /// The same on the status subresource; the object must exist.
  Result<api::Json> apply_status(const api::ObjectKey& key, const api::Json& status, const CallLimits& limits);
  Result<api::Json> merge_patch(const api::ObjectKey& key, const api::Json& patch, const CallLimits& limits);
  /// PUT. With a resourceVersion in `object` it fails with Conflict where somebody wrote in between.
  Result<api::Json> replace(const api::Json& object, const CallLimits& limits);
  /// POST, sent once. Unavailable and DeadlineExceeded mean: it may be there; a named object can be looked up.
  Result<api::Json> create(const api::Json& object, const CallLimits& limits);
  /// Only while the object still has this UID ("" = whatever is there). An absent object is success; Conflict where
  /// another object has the name by now.
  Result<Removal> remove(const api::ObjectKey& key, const std::string& uid, const CallLimits& limits);

  /// GET of a path outside the table of kinds that answers JSON, for example "/version".
  Result<api::Json> get_path(const std::string& path, const CallLimits& limits);

 private:
  struct Call;
  struct Attempt;

  Result<api::Json> call_for_object(Call call, const CallLimits& limits);
  Result<std::vector<api::Json>> list_pages(const Selection& selection, const CallLimits& limits);
  Result<Response> send(Call call, const CallLimits& limits);
  std::optional<Duration> retry_delay(const Call& call, const Attempt& attempt);

  ClientParts parts_;
};

}  // namespace poolwright::kube

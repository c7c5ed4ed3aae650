// An API server in memory, behind the same interface as the real one and held to the same contract (tests/contract):
// lists in pages, watches with bookmarks and old versions, server-side apply, status subresources, conflicts,
// finalizers. Deterministic: versions, UIDs and times follow from the order of requests alone. Faults are asked for by
// the test. Thread rule: any thread. Sinks are called by the thread that writes, before its write returns.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "fakes/fake_request.h"
#include "fakes/field_ownership.h"
#include "kube/resource.h"
#include "kube/transport.h"

namespace poolwright::fakes {

class FakeApiServer final : public kube::Transport {
 public:
  FakeApiServer() = default;
  FakeApiServer(const FakeApiServer&) = delete;
  FakeApiServer& operator=(const FakeApiServer&) = delete;

  Result<kube::Response> unary(const kube::Request& request, const CallLimits& limits) override;
  std::unique_ptr<kube::Stream> open(const kube::Request& request, std::shared_ptr<kube::StreamSink> sink) override;
  void renew() override;

  // Faults.
  /// What to do with a request instead of answering it; nullopt = answer it.
  using Interference = std::function<std::optional<Result<kube::Response>>(const kube::Request& request)>;
  /// Asked before every request, lists and watches included, without the server's lock.
  void interfere(Interference interference);
  /// Requests of these methods are carried out, and then their answers are lost.
  void lose_answers(std::set<kube::Method> methods);
  /// Every open watch ends, with this outcome.
  void cut_watches(const Status& status = ok());
  /// Versions up to now can no longer be watched from, and page tokens are no longer taken. A watch learns it by an
  /// ERROR event, or by the status of its answer.
  enum class GoneForm { kEvent, kStatus };
  void compact(GoneForm form = GoneForm::kEvent);
  void send_bookmarks();
  /// A line as it is, to every open watch.
  void send_line(const std::string& line);

  // What a test looks at.
  struct Writes {
    std::uint64_t creates = 0;
    std::uint64_t updates = 0;  // those that changed something
    std::uint64_t deletes = 0;
  };
  std::uint64_t requests(kube::Method method) const;
  Writes writes() const;
  std::size_t open_watches() const;
  std::uint64_t renewals() const;
  /// Null JSON where it is absent.
  api::Json stored(const api::ObjectKey& key) const;
  /// Objects of a kind, all namespaces, by name.
  std::vector<api::Json> stored_of(const std::string& kind) const;

 private:
  class WatchStream;
  using Target = FakeTarget;

  struct Place {
    const kube::Resource* resource = nullptr;
    std::string namespace_name;
    std::string name;
    auto operator<=>(const Place&) const = default;  // NOLINT(modernize-use-nullptr): tool's bug
  };
  struct Entry {
    api::Json object;
    FieldOwnership owners;
  };
  struct Change {
    std::uint64_t version;
    std::string type;
    Place place;
    api::Json object;
    api::Json before;
  };
  struct Watch {
    kube::Selection selection;
    std::shared_ptr<kube::StreamSink> sink;
  };

  kube::Response respond(const kube::Request& request) PW_REQUIRES(mutex_);
  kube::Response get(const Target& target) const PW_REQUIRES(mutex_);
  kube::Response list(const Target& target) const PW_REQUIRES(mutex_);
  kube::Response create(const Target& target, const api::Json& object, const std::string& writer) PW_REQUIRES(mutex_);
  kube::Response replace(const Target& target, api::Json object) PW_REQUIRES(mutex_);
  kube::Response patch(const Target& target, const kube::Request& request, const api::Json& body) PW_REQUIRES(mutex_);
  kube::Response apply(const Target& target, api::Json applied) PW_REQUIRES(mutex_);
  kube::Response remove(const Target& target, const api::Json& options) PW_REQUIRES(mutex_);

  static Place place_of(const Target& target) { return {target.resource, target.namespace_name, target.name}; }
  api::Json stamp_new(const Target& target, api::Json object) PW_REQUIRES(mutex_);
  kube::Response store_update(const Place& place, Entry& entry, api::Json after) PW_REQUIRES(mutex_);
  void record(const std::string& type, const Place& place, const api::Json& before, const api::Json& after)
      PW_REQUIRES(mutex_);
  static void tell(const Watch& watch, const Change& change);
  std::vector<const api::Json*> select(const kube::Selection& selection) const PW_REQUIRES(mutex_);
  /// False where the watch ended at once.
  bool begin_watch(const Target& target, const std::shared_ptr<kube::StreamSink>& sink) PW_REQUIRES(mutex_);
  void close(std::uint64_t id);

  mutable Mutex mutex_;
  std::shared_ptr<Interference> interference_ PW_GUARDED_BY(mutex_);
  std::set<kube::Method> lost_ PW_GUARDED_BY(mutex_);
  std::uint64_t version_ PW_GUARDED_BY(mutex_) = 100;
  std::uint64_t oldest_version_ PW_GUARDED_BY(mutex_) = 100;
  GoneForm gone_form_ PW_GUARDED_BY(mutex_) = GoneForm::kEvent;
  std::uint64_t next_uid_ PW_GUARDED_BY(mutex_) = 1;
  std::uint64_t next_watch_ PW_GUARDED_BY(mutex_) = 1;
  std::map<Place, Entry> entries_ PW_GUARDED_BY(mutex_);
  std::vector<Change> history_ PW_GUARDED_BY(mutex_);
  std::map<std::uint64_t, Watch> watches_ PW_GUARDED_BY(mutex_);
  std::map<kube::Method, std::uint64_t> requests_ PW_GUARDED_BY(mutex_);
  Writes writes_ PW_GUARDED_BY(mutex_);
  std::uint64_t renewals_ PW_GUARDED_BY(mutex_) = 0;
};

}  // namespace poolwright::fakes

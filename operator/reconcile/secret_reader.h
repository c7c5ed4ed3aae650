// Reads the Secrets that pools name, only ever by GET, and remembers a value for as long as nothing says that it
// changed: with watched metadata for as long as the resourceVersion stands, else for the time between two polls. Thread
// rule: any thread; one mutex around a map lookup, never held over a request.
#pragma once

#include <map>
#include <string>

#include "api/object_store.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/result.h"

namespace poolwright::reconcile {

/// How a change of a Secret is noticed.
enum class SecretNotice { kWatch, kPoll };

class SecretReader {
 public:
  /// Entries kept; the least recently stored goes first. Pools beyond that read their Secrets more often.
  static constexpr std::size_t kEntriesMax = 20'000;
  static constexpr Duration kPollPeriod = std::chrono::seconds{30};

  /// `store` and `clock` must outlive the reader.
  SecretReader(api::ObjectStore& store, const Clock& clock, SecretNotice notice)
      : store_(store), clock_(clock), notice_(notice) {}

  /// The whole Secret. NotFound, Forbidden, Unavailable, ... of the store. `force` reads it anew.
  Result<api::Json> read(const api::ObjectKey& key, const CallLimits& limits, bool force = false);

  /// What an own write stored, so that it need not be read.
  void remember(const api::Json& secret);

  SecretNotice notice() const { return notice_; }

 private:
  struct Entry {
    std::string resource_version;
    MonotonicTime read_at;
    api::Object secret;
  };

  bool is_current(const Entry& entry, const api::ObjectKey& key) const;

  api::ObjectStore& store_;
  const Clock& clock_;
  const SecretNotice notice_;
  Mutex mutex_;
  std::map<api::ObjectKey, Entry> entries_ PW_GUARDED_BY(mutex_);
};

}  // namespace poolwright::reconcile

#include "reconcile/secret_reader.h"

#include <algorithm>
#include <utility>

namespace poolwright::reconcile {

bool SecretReader::is_current(const Entry& entry, const api::ObjectKey& key) const {
  if (notice_ == SecretNotice::kPoll) return clock_.now() - entry.read_at < kPollPeriod;
  const api::Object metadata = store_.cached(key);
  return metadata && api::metadata_string(*metadata, "resourceVersion") == entry.resource_version;
}

Result<api::Json> SecretReader::read(const api::ObjectKey& key, const CallLimits& limits, bool force) {
  if (!force) {
    api::Object known;
    {
      const MutexLock lock(mutex_);
      const auto found = entries_.find(key);
      if (found != entries_.end() && is_current(found->second, key)) known = found->second.secret;
    }
    if (known) return *known;
  }
  PW_ASSIGN_OR_RETURN(auto secret, store_.get(key, limits));
  remember(secret);
  return secret;
}

void SecretReader::remember(const api::Json& secret) {
  Entry entry{.resource_version = api::metadata_string(secret, "resourceVersion"),
              .read_at = clock_.now(),
              .secret = std::make_shared<const api::Json>(secret)};
  const MutexLock lock(mutex_);
  if (entries_.size() >= kEntriesMax) {
    entries_.erase(std::min_element(entries_.begin(), entries_.end(),
                                    [](const auto& a, const auto& b) { return a.second.read_at < b.second.read_at; }));
  }
  entries_.insert_or_assign(api::key_of(secret), std::move(entry));
}

}  // namespace poolwright::reconcile

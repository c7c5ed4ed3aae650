#include "run/failovers.h"

#include <chrono>

#include "base/log.h"

namespace poolwright::run {

std::set<std::string> Failovers::update(const ServerViews& servers, WallTime now) {
  std::set<std::string> news;
  const MutexLock lock(mutex_);
  std::erase_if(servers_, [&](const auto& entry) { return !servers.contains(entry.first); });
  for (const auto& [server, seen] : servers) {
    if (!seen || !seen->is_connected || seen->error || !seen->observed_at) continue;
    const std::pair identity(seen->facts.started_at_us, seen->facts.is_in_recovery);
    const auto known = servers_.find(server);
    if (known != servers_.end() && known->second.identity == identity) continue;
    const bool is_another = known != servers_.end();
    // Kubernetes tells the age of a pod in whole seconds: one of the same second is not older.
    const WallTime start{std::chrono::floor<std::chrono::seconds>(std::chrono::microseconds{identity.first})};
    // A standby that was promoted started long ago; what counts is when it took over.
    servers_[server] = {.identity = identity, .since = is_another ? now : start};
    news.insert(server);
    if (is_another) log_warning("postgres_replaced", {{"server", server}, {"started_at", format_rfc3339(start)}});
  }
  return news;
}

std::optional<WallTime> Failovers::serving_since(const std::string& server) const {
  const MutexLock lock(mutex_);
  const auto found = servers_.find(server);
  return found == servers_.end() ? std::nullopt : std::optional(found->second.since);
}

}  // namespace poolwright::run

#include "run/server_watch.h"

#include <utility>

namespace poolwright::run {

void ServerWatch::follow() {
  const std::uint64_t generation = pools_.generation();
  if (generation == std::exchange(generation_, generation)) return;
  Chosen wanted;
  for (const auto& [id, targets] : pools_.pools()) {
    if (!targets->server) continue;
    auto& best = wanted[targets->server_name];
    if (!best || (targets->has_observer && !best->has_observer)) best = targets;
  }
  for (const auto& [name, targets] : wanted) observer_.set_server(name, *targets->server);
  Chosen before = wanted;
  {
    const MutexLock lock(mutex_);
    before.swap(chosen_);
  }
  for (const auto& [name, targets] : before) {
    if (!wanted.contains(name)) observer_.remove_server(name);
  }
}

ServerViews ServerWatch::by_observers() const {
  ServerViews views = all();
  const MutexLock lock(mutex_);
  std::erase_if(views, [this](const auto& view) PW_REQUIRES(mutex_) {
    const auto chosen = chosen_.find(view.first);
    return chosen == chosen_.end() || !chosen->second->has_observer;
  });
  return views;
}

void ServerWatch::end_sessions(const std::string& server, std::vector<postgres::SessionMark> sessions,
                               postgres::ServerObserver::Ended done) {
  {
    const MutexLock lock(mutex_);
    const auto chosen = chosen_.find(server);
    if (chosen == chosen_.end() || !chosen->second->has_observer) {
      return done(make_error(ErrorKind::kUnavailable, "end sessions of " + server + ": it has no observer role"));
    }
  }
  observer_.end_sessions(server, std::move(sessions), std::move(done));
}

}  // namespace poolwright::run

#include "postgres/observer.h"

#include <utility>

#include "base/mutex.h"
#include "postgres/server_link.h"

namespace poolwright::postgres {

struct ServerObserver::State {
  State(IoThread& io, const Clock& time, Random& source, ObserverOptions wanted)
      : thread(io), clock(time), random(source), options(wanted), queue(io, time, wanted.connects) {}

  void set(const std::string& key, ServerAddress address) {
    const auto found = links.find(key);
    if (found != links.end()) {
      if (found->second->address() == address) return;
      links.erase(found);
    }
    links[key] = std::make_unique<ServerLink>(
        LinkContext{thread, clock, random, queue, options}, key, std::move(address),
        [this, key](std::shared_ptr<const ServerObservation> seen) { publish(key, std::move(seen)); });
  }

  void publish(const std::string& key, std::shared_ptr<const ServerObservation> seen) PW_EXCLUDES(mutex) {
    MutexLock lock(mutex);
    const auto found = published.find(key);
    if (found != published.end()) found->second = std::move(seen);
  }

  IoThread& thread;
  const Clock& clock;
  Random& random;
  const ObserverOptions options;
  // Both of the I/O thread; the queue outlives the links.
  ConnectQueue queue;
  std::map<std::string, std::unique_ptr<ServerLink>> links;

  Mutex mutex;
  std::map<std::string, std::shared_ptr<const ServerObservation>> published PW_GUARDED_BY(mutex);
};

ServerObserver::ServerObserver(IoThread& thread, const Clock& clock, Random& random, ObserverOptions options)
    : state_(std::make_shared<State>(thread, clock, random, options)) {}

ServerObserver::~ServerObserver() {
  // The state ends on the I/O thread, behind everything that was posted for it.
  state_->thread.run_and_wait([this] { state_.reset(); });
}

void ServerObserver::set_server(const std::string& key, ServerAddress address) {
  {
    MutexLock lock(state_->mutex);
    auto& seen = state_->published[key];
    if (!seen) seen = std::make_shared<const ServerObservation>();
  }
  state_->thread.post([weak = std::weak_ptr<State>(state_), key, address = std::move(address)] {
    if (const auto state = weak.lock()) state->set(key, address);
  });
}

void ServerObserver::remove_server(const std::string& key) {
  {
    MutexLock lock(state_->mutex);
    state_->published.erase(key);
  }
  state_->thread.run_and_wait([this, &key] { state_->links.erase(key); });
}

void ServerObserver::end_sessions(const std::string& key, std::vector<SessionMark> sessions, Ended done) {
  state_->thread.post(
      [weak = std::weak_ptr<State>(state_), key, sessions = std::move(sessions), done = std::move(done)] {
        const auto state = weak.lock();
        const auto found = state ? state->links.find(key) : decltype(state->links.end()){};
        if (!state || found == state->links.end()) {
          return done(make_error(ErrorKind::kUnavailable, "end sessions of " + key + ": nobody observes it"));
        }
        found->second->end_sessions(sessions, done);
      });
}

std::shared_ptr<const ServerObservation> ServerObserver::observation(const std::string& key) const {
  MutexLock lock(state_->mutex);
  const auto found = state_->published.find(key);
  return found == state_->published.end() ? nullptr : found->second;
}

std::map<std::string, std::shared_ptr<const ServerObservation>> ServerObserver::observations() const {
  MutexLock lock(state_->mutex);
  return state_->published;
}

}  // namespace poolwright::postgres

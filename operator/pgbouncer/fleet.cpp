#include "pgbouncer/fleet.h"

#include <utility>

#include "base/mutex.h"
#include "pgbouncer/pod_link.h"

namespace poolwright::pgbouncer {

/// What all threads may read. Entries appear and go with set_pod and remove_pod; the I/O thread only replaces them.
struct ConsoleFleet::Published {
  void add(const std::string& pod) PW_EXCLUDES(mutex) {
    MutexLock lock(mutex);
    auto& seen = pods[pod];
    if (!seen) seen = std::make_shared<const PodObservation>();
  }

  void remove(const std::string& pod) PW_EXCLUDES(mutex) {
    MutexLock lock(mutex);
    pods.erase(pod);
  }

  void replace(const std::string& pod, std::shared_ptr<const PodObservation> seen) PW_EXCLUDES(mutex) {
    MutexLock lock(mutex);
    const auto found = pods.find(pod);
    // Absent: removed by now, and not to be brought back by its last poll.
    if (found != pods.end()) found->second = std::move(seen);
  }

  std::shared_ptr<const PodObservation> find(const std::string& pod) PW_EXCLUDES(mutex) {
    MutexLock lock(mutex);
    const auto found = pods.find(pod);
    return found == pods.end() ? nullptr : found->second;
  }

  Mutex mutex;
  std::map<std::string, std::shared_ptr<const PodObservation>> pods PW_GUARDED_BY(mutex);
};

/// Everything of the I/O thread. The queue outlives the links.
struct ConsoleFleet::State {
  State(postgres::IoThread& io, const Clock& time, Random& source, FleetOptions wanted)
      : thread(io), clock(time), random(source), options(std::move(wanted)), queue(io, time, options.connects) {}

  void set(const std::string& pod, PodTarget target, const std::shared_ptr<Published>& published) {
    const auto found = links.find(pod);
    if (found != links.end()) return found->second->set_target(std::move(target));
    links[pod] = std::make_unique<PodLink>(
        LinkContext{thread, clock, random, queue, options}, pod, std::move(target),
        [published, pod](std::shared_ptr<const PodObservation> seen) { published->replace(pod, std::move(seen)); });
  }

  postgres::IoThread& thread;
  const Clock& clock;
  Random& random;
  const FleetOptions options;
  postgres::ConnectQueue queue;
  std::map<std::string, std::unique_ptr<PodLink>> links;
};

/// A pod's console as workers see it: a name that the I/O thread looks up for each command.
class ConsoleFleet::PodConsole final : public Console {
 public:
  PodConsole(const ConsoleFleet& fleet, std::string pod)
      : thread_(fleet.state_->thread), fleet_(fleet.state_), published_(fleet.published_), pod_(std::move(pod)) {}

  void run(const Command& command, const Deadline& deadline, Reply done) override {
    // Owed from here on: whoever drops the command on the way to the I/O thread has answered it.
    const auto reply = std::make_shared<OwedReply>(std::move(done));
    if (fleet_.expired()) return;
    thread_.post([fleet = fleet_, pod = pod_, command = WaitingCommand{command.text(), deadline, reply}] {
      const auto state = fleet.lock();
      if (!state) return;
      const auto link = state->links.find(pod);
      if (link != state->links.end()) return link->second->run(command);
      command.reply->give(make_error(ErrorKind::kCancelled, command.text + " on " + pod + ": there is no such pod"));
    });
  }

  int version() const override {
    const auto seen = published_->find(pod_);
    return seen ? seen->version : 0;
  }

 private:
  postgres::IoThread& thread_;
  const std::weak_ptr<State> fleet_;  // locked on the I/O thread only
  const std::shared_ptr<Published> published_;
  const std::string pod_;
};

ConsoleFleet::ConsoleFleet(postgres::IoThread& thread, const Clock& clock, Random& random, FleetOptions options)
    : published_(std::make_shared<Published>()),
      state_(std::make_shared<State>(thread, clock, random, std::move(options))) {}

ConsoleFleet::~ConsoleFleet() {
  state_->thread.run_and_wait([this] { state_.reset(); });
}

void ConsoleFleet::set_pod(const std::string& pod, PodTarget target) {
  published_->add(pod);
  state_->thread.post([weak = std::weak_ptr<State>(state_), published = published_, pod, target = std::move(target)] {
    if (const auto state = weak.lock()) state->set(pod, target, published);
  });
}

void ConsoleFleet::remove_pod(const std::string& pod) {
  published_->remove(pod);
  state_->thread.run_and_wait([this, &pod] { state_->links.erase(pod); });
}

std::shared_ptr<Console> ConsoleFleet::console(const std::string& pod) {
  return std::make_shared<PodConsole>(*this, pod);
}

std::shared_ptr<const PodObservation> ConsoleFleet::observation(const std::string& pod) const {
  return published_->find(pod);
}

std::map<std::string, std::shared_ptr<const PodObservation>> ConsoleFleet::observations() const {
  MutexLock lock(published_->mutex);
  return published_->pods;
}

}  // namespace poolwright::pgbouncer

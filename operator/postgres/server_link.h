// One observed server: resolve, wait for a turn, connect, ask every few seconds, and come back after failures.
// Private to the observer.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "postgres/connect_queue.h"
#include "postgres/observation.h"
#include "postgres/observer.h"
#include "postgres/pq_connection.h"
#include "postgres/resolver.h"
#include "postgres/timer.h"

namespace poolwright::postgres {

/// What all links of an observer share; outlives them.
struct LinkContext {
  IoThread& thread;
  const Clock& clock;
  Random& random;
  ConnectQueue& queue;
  const ObserverOptions& options;
};

/// Thread rule: I/O thread only.
class ServerLink {
 public:
  using Publish = std::function<void(std::shared_ptr<const ServerObservation>)>;

  ServerLink(LinkContext context, std::string key, ServerAddress address, Publish publish);
  /// Closes.
  ~ServerLink();
  ServerLink(const ServerLink&) = delete;
  ServerLink& operator=(const ServerLink&) = delete;

  const ServerAddress& address() const { return address_; }

  /// See ServerObserver.
  void end_sessions(std::vector<SessionMark> sessions, ServerObserver::Ended done);

 private:
  void resolve();
  void connect(std::vector<std::string> addresses);
  void begin_poll();
  /// Asks one question of the poll; a failure ends the poll, else `next` reads the answer and asks the next one.
  void ask(const char* query, std::function<Status(const Table&)> read, void (ServerLink::*next)());
  void ask_system_identifier();
  void ask_sessions();
  void ask_idle_in_transaction();
  void ask_response_time();
  void end_poll();
  void end_next();
  void give_up_endings(const Error& error);
  void rest();
  void fail(Error error);
  void drop();

  LinkContext context_;
  const std::string key_;
  const ServerAddress address_;
  const Publish publish_;
  PqConnection connection_;
  Resolver resolver_;
  Timer timer_;
  /// One request to end sessions: those that are left, last first, and those that were ended.
  struct Ending {
    std::vector<SessionMark> left;
    std::vector<std::int64_t> ended;
    ServerObserver::Ended done;
  };
  std::deque<Ending> endings_;
  bool has_turn_ = false;  // admitted by the queue and not finished
  MonotonicTime due_{};
  MonotonicTime asked_at_{};
  ServerObservation last_;   // as published
  ServerObservation draft_;  // of the poll that runs
};

}  // namespace poolwright::postgres

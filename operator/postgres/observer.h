// Looks at PostgreSQL servers with the observer role of a resource: one persistent connection per server, its facts
// and sessions every few seconds, published as immutable snapshots. Names are resolved without blocking anybody.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "postgres/io_thread.h"
#include "postgres/observation.h"
#include "postgres/pq_connection.h"
#include "postgres/schedule.h"
#include "postgres/target.h"

namespace poolwright::postgres {

/// A server by name, as the resource gives it.
struct ServerAddress {
  std::string host;  // DNS name or numeric address
  std::uint16_t port = 5432;
  std::string database;
  Login login;
  TlsOptions tls;
  friend bool operator==(const ServerAddress&, const ServerAddress&) = default;
};

struct ObserverOptions {
  Duration interval{5'000};
  Duration resolve_limit{5'000};
  Duration query_limit{3'000};
  ConnectLimits connects;
  ConnectionLimits connection;
};

/// One session in one state, as an observation showed it.
struct SessionMark {
  std::int64_t pid = 0;
  std::string mark;
};

/// Sessions that wait to be ended at most, of one server; more at once are refused (kThrottled).
inline constexpr std::size_t kEndingsMax = 32;

/// Thread rule: any thread. The I/O thread, clock and random source must outlive the observer.
class ServerObserver {
 public:
  ServerObserver(IoThread& thread, const Clock& clock, Random& random, ObserverOptions options);
  /// Closes every connection.
  ~ServerObserver();
  ServerObserver(const ServerObserver&) = delete;
  ServerObserver& operator=(const ServerObserver&) = delete;

  /// Adds a server, or changes how it is reached (which reconnects). Setting what is set does nothing.
  void set_server(const std::string& key, ServerAddress address);
  /// Has closed the connection when it returns. Not to be called on the I/O thread.
  void remove_server(const std::string& key);

  /// The pids that were asked to end.
  using Ended = std::function<void(Result<std::vector<std::int64_t>>)>;
  /// Ends sessions that are still as they were seen, behind the next look at the server. `done` is called once, on the
  /// I/O thread; it must not block. kUnavailable while the server is not connected, kForbidden where the role lacks the
  /// right, and then none or only some were ended.
  void end_sessions(const std::string& key, std::vector<SessionMark> sessions, Ended done);

  /// Null if there is no such server.
  std::shared_ptr<const ServerObservation> observation(const std::string& key) const;
  std::map<std::string, std::shared_ptr<const ServerObservation>> observations() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace poolwright::postgres

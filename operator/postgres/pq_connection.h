// One libpq connection, asynchronous and bounded: connect, simple queries one at a time, close. libpq's own traps
// (blocking name lookup, ignored connect_timeout, sockets that change while connecting) end here.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "postgres/io_thread.h"
#include "postgres/table.h"
#include "postgres/target.h"

namespace poolwright::postgres {

/// An answer that passes a limit is not read to its end: the connection is closed and the query fails (kProtocol).
struct ConnectionLimits {
  Duration connect{5'000};
  std::size_t reply_bytes_max = 8U << 20U;  // received for one query, TLS framing included
  std::size_t rows_max = 50'000;
};

/// Thread rule: I/O thread only, the callbacks included. A callback may close or destroy the connection and may start
/// the next query. It is called once, never from within the call that it was given to, and not at all after close().
///
/// Errors of connect and query: kUnavailable (refused, lost), kDeadlineExceeded, kUnauthorized (the login was refused),
/// kProtocol (the other side is no such server, or its answer is too large), and for queries what the server answered:
/// kInvalid, kForbidden, kUnavailable. After kDeadlineExceeded, kProtocol and a lost connection it is closed.
class PqConnection {
 public:
  using ConnectDone = std::function<void(Status)>;
  using QueryDone = std::function<void(Result<Table>)>;
  using Lost = std::function<void(Error)>;

  explicit PqConnection(IoThread& thread, ConnectionLimits limits = {});
  ~PqConnection();
  PqConnection(const PqConnection&) = delete;
  PqConnection& operator=(const PqConnection&) = delete;

  /// Closes what is open and connects anew. The target is copied as far as it is needed.
  void connect(const Target& target, ConnectDone done);

  /// Sends one command by the simple protocol (the only one that PgBouncer's console speaks). The connection must be
  /// open and not busy. A connection whose answer does not come within `limit` is closed: the outcome is unknown.
  void query(const std::string& command, Duration limit, QueryDone done);

  /// Called when the other side closes an idle connection. Set it before connect.
  void on_lost(Lost lost);

  /// At once; a callback that is still waited for is dropped.
  void close();

  bool is_open() const;  // connected, and not lost since
  bool is_busy() const;  // a query is in flight
  /// As PQserverVersion: 150006, or 12401 for PgBouncer 1.24.1. 0 while not open.
  int server_version() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace poolwright::postgres

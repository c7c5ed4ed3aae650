// Hands a socket's bytes to libpq in small pieces. libpq reads as long as there is something to read: once it has seen
// the header of a giant row, a server that sends faster than libpq copies would get all of it into our memory within
// one call. While a feed stands in between, libpq sees a short local pipe instead of the socket.
// Private to the rooms that use libpq.
#pragma once

#include <memory>

namespace poolwright::postgres {

/// Thread rule: I/O thread only. `socket` stays libpq's; the number is the same before, during and after the feed.
class BoundedFeed {
 public:
  /// Takes the socket's place. Null if the process has no descriptors left.
  static std::unique_ptr<BoundedFeed> begin(int socket);
  /// Closes the connection to the server; libpq is left with the pipe.
  ~BoundedFeed();
  BoundedFeed(const BoundedFeed&) = delete;
  BoundedFeed& operator=(const BoundedFeed&) = delete;

  /// What is to be watched for readability and counted: the connection to the server.
  int source() const { return source_; }
  /// Moves one piece (at most 32 KB) from the server into the pipe, and the end of the stream, too.
  void pump();
  /// Whether libpq has not read all of it yet.
  bool has_rest() const;
  /// Puts the connection to the server back under libpq's number. The feed is of no use afterwards.
  void give_back();

 private:
  BoundedFeed(int socket, int source, int pipe) : socket_(socket), source_(source), pipe_(pipe) {}

  int socket_;
  int source_;
  int pipe_;
};

}  // namespace poolwright::postgres

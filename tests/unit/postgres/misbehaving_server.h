// A server on loopback that speaks just enough of PostgreSQL's protocol to break it: scripts hang, drip, send garbage
// or giant rows, or close in the middle. Against the real client, over a real socket.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"

namespace poolwright::tests {

/// One connection, as its script sees it. Calls return false (or nothing) once the client or the server has gone.
class Peer {
 public:
  explicit Peer(int socket, const std::atomic<bool>& is_stopping) : socket_(socket), is_stopping_(is_stopping) {}

  bool send(const std::string& bytes);
  /// One byte, then a pause, and so on.
  bool drip(const std::string& bytes);
  /// `bytes` zeroes in pieces; the number that was sent before the client closed.
  std::uint64_t flood(std::uint64_t bytes);
  /// The startup message; without a password.
  bool accept_login();
  /// The same, but the client is not told that it may begin.
  bool accept_login_without_ready();
  /// The text of the next simple query.
  std::optional<std::string> next_query();
  /// Until the client closes.
  void hang();

 private:
  bool read(char* bytes, std::size_t count);

  int socket_;
  const std::atomic<bool>& is_stopping_;
};

class MisbehavingServer {
 public:
  using Script = std::function<void(Peer&)>;

  explicit MisbehavingServer(Script script);
  ~MisbehavingServer();
  MisbehavingServer(const MisbehavingServer&) = delete;
  MisbehavingServer& operator=(const MisbehavingServer&) = delete;

  std::uint16_t port() const { return port_; }
  int connections() const { return connections_; }
  int concurrent_max() const { return concurrent_max_; }

 private:
  void serve(int socket);

  const Script script_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> is_stopping_{false};
  std::atomic<int> connections_{0};
  std::atomic<int> concurrent_{0};
  std::atomic<int> concurrent_max_{0};
  Mutex mutex_;
  std::list<std::thread> threads_ PW_GUARDED_BY(mutex_);
  std::thread acceptor_;
};

/// Messages of the protocol.
std::string message(char type, const std::string& body);
std::string big_endian(std::uint32_t number);
std::string row_description(const std::vector<std::string>& columns);
std::string data_row(const std::vector<std::string>& values);
std::string command_complete(const std::string& tag);
std::string error_response(const std::string& sqlstate, const std::string& text);
std::string ready_for_query();
/// A whole answer.
std::string answer(const std::vector<std::string>& columns, const std::vector<std::vector<std::string>>& rows);

/// What a healthy console answers to the three SHOWs of a poll; empty for anything else.
std::string console_answer(const std::string& query);
/// Answers everything as a healthy console does, until the client closes.
void be_a_console(Peer& peer);

}  // namespace poolwright::tests

#include "unit/postgres/misbehaving_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <stdexcept>

namespace poolwright::tests {

namespace {

constexpr int kPollMilliseconds = 20;
constexpr std::uint32_t kSslRequest = 80877103;
constexpr std::size_t kMessageBytesMax = 1U << 20U;

std::uint32_t number_at(const char* bytes) {
  std::uint32_t number = 0;
  for (int i = 0; i < 4; ++i) number = number << 8U | static_cast<unsigned char>(bytes[i]);
  return number;
}

std::string zero_ended(const std::string& text) { return text + std::string(1, '\0'); }

std::string two_bytes(std::size_t number) {
  return {static_cast<char>(number >> 8U & 0xFFU), static_cast<char>(number & 0xFFU)};
}

}  // namespace

bool Peer::send(const std::string& bytes) {
  for (std::size_t sent = 0; sent < bytes.size();) {
    if (is_stopping_) return false;
    pollfd waiting{socket_, POLLOUT, 0};
    if (poll(&waiting, 1, kPollMilliseconds) == 0) continue;
    const ssize_t count = ::send(socket_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count <= 0) return false;
    sent += static_cast<std::size_t>(count);
  }
  return true;
}

bool Peer::drip(const std::string& bytes) {
  for (const char byte : bytes) {
    if (!send(std::string(1, byte))) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{kPollMilliseconds});
  }
  return true;
}

std::uint64_t Peer::flood(std::uint64_t bytes) {
  const std::string piece(64U << 10U, '\0');
  std::uint64_t sent = 0;
  while (sent < bytes && send(piece)) sent += piece.size();
  return sent;
}

bool Peer::read(char* bytes, std::size_t count) {
  for (std::size_t have = 0; have < count;) {
    if (is_stopping_) return false;
    pollfd waiting{socket_, POLLIN, 0};
    if (poll(&waiting, 1, kPollMilliseconds) == 0) continue;
    const ssize_t got = recv(socket_, bytes + have, count - have, 0);
    if (got <= 0) return false;
    have += static_cast<std::size_t>(got);
  }
  return true;
}

bool Peer::accept_login() { return accept_login_without_ready() && send(ready_for_query()); }

bool Peer::accept_login_without_ready() {
  std::array<char, 8> head{};
  if (!read(head.data(), head.size())) return false;
  if (number_at(head.data() + 4) == kSslRequest) {
    if (!send("N") || !read(head.data(), head.size())) return false;
  }
  std::string rest(std::min<std::size_t>(number_at(head.data()), kMessageBytesMax) - head.size(), '\0');
  if (!read(rest.data(), rest.size())) return false;
  return send(message('R', big_endian(0)) + message('S', zero_ended("server_version") + zero_ended("1.24.1/bouncer")) +
              message('K', big_endian(1) + big_endian(2)));
}

std::optional<std::string> Peer::next_query() {
  std::array<char, 5> head{};
  if (!read(head.data(), head.size()) || head[0] != 'Q') return std::nullopt;
  std::string text(std::min<std::size_t>(number_at(head.data() + 1), kMessageBytesMax) - 4, '\0');
  if (!read(text.data(), text.size())) return std::nullopt;
  text.pop_back();
  return text;
}

void Peer::hang() {
  std::array<char, 256> ignored{};
  while (read(ignored.data(), 1)) {
  }
}

MisbehavingServer::MisbehavingServer(Script script) : script_(std::move(script)) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener_, any, length) != 0 || listen(listener_, 512) != 0 || getsockname(listener_, any, &length) != 0) {
    throw std::runtime_error("no free port");
  }
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] {
    while (!is_stopping_) {
      pollfd waiting{listener_, POLLIN, 0};
      if (poll(&waiting, 1, kPollMilliseconds) == 0) continue;
      const int socket = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (socket < 0) continue;
      MutexLock lock(mutex_);
      threads_.emplace_back([this, socket] { serve(socket); });
    }
  });
}

MisbehavingServer::~MisbehavingServer() {
  is_stopping_ = true;
  acceptor_.join();
  close(listener_);
  MutexLock lock(mutex_);
  for (std::thread& thread : threads_) thread.join();
}

void MisbehavingServer::serve(int socket) {
  ++connections_;
  const int concurrent = ++concurrent_;
  int highest = concurrent_max_;
  while (concurrent > highest && !concurrent_max_.compare_exchange_weak(highest, concurrent)) {
  }
  Peer peer(socket, is_stopping_);
  script_(peer);
  --concurrent_;
  close(socket);
}

std::string big_endian(std::uint32_t number) { return two_bytes(number >> 16U) + two_bytes(number & 0xFFFFU); }

std::string message(char type, const std::string& body) {
  return std::string(1, type) + big_endian(static_cast<std::uint32_t>(body.size()) + 4) + body;
}

std::string row_description(const std::vector<std::string>& columns) {
  std::string body = two_bytes(columns.size());
  for (const std::string& column : columns) {
    // No table; type text; length and modifier unknown; text format.
    body += zero_ended(column) + big_endian(0) + two_bytes(0) + big_endian(25) + two_bytes(0xFFFF) +
            big_endian(0xFFFFFFFFU) + two_bytes(0);
  }
  return message('T', body);
}

std::string data_row(const std::vector<std::string>& values) {
  std::string body = two_bytes(values.size());
  for (const std::string& value : values) body += big_endian(static_cast<std::uint32_t>(value.size())) + value;
  return message('D', body);
}

std::string command_complete(const std::string& tag) { return message('C', zero_ended(tag)); }

std::string error_response(const std::string& sqlstate, const std::string& text) {
  return message(
      'E', "S" + zero_ended("ERROR") + "C" + zero_ended(sqlstate) + "M" + zero_ended(text) + std::string(1, '\0'));
}

std::string ready_for_query() { return message('Z', "I"); }

std::string answer(const std::vector<std::string>& columns, const std::vector<std::vector<std::string>>& rows) {
  std::string whole = row_description(columns);
  for (const auto& row : rows) whole += data_row(row);
  return whole + command_complete("SHOW") + ready_for_query();
}

std::string console_answer(const std::string& query) {
  if (query == "SHOW LISTS") return answer({"list", "items"}, {{"databases", "1"}});
  if (query == "SHOW STATE") return answer({"key", "value"}, {{"active", "yes"}, {"paused", "no"}});
  if (query == "SHOW CONFIG") {
    return answer({"key", "value", "default", "changeable"},
                  {{"max_client_conn", "110", "100", "yes"}, {"syslog_ident", "poolwright-1", "pgbouncer", "yes"}});
  }
  if (query == "SHOW POOLS") {
    return answer({"database", "user", "cl_active", "cl_waiting", "sv_active", "sv_idle", "sv_used", "sv_tested",
                   "sv_login", "maxwait", "maxwait_us", "pool_mode"},
                  {{"app", "app_user", "5", "1", "2", "3", "0", "0", "0", "0", "1500", "transaction"}});
  }
  if (query == "SHOW STATS") {
    return answer({"database", "total_xact_count", "total_query_count", "total_received", "total_sent",
                   "total_xact_time", "total_query_time", "total_wait_time"},
                  {{"app", "1", "2", "3", "4", "5", "6", "7"}});
  }
  if (query == "SHOW DATABASES") {
    return answer({"name", "host", "port", "database", "force_user", "pool_size", "reserve_pool", "pool_mode",
                   "max_connections", "current_connections", "paused", "disabled"},
                  {{"app", "db", "5432", "app", "app_user", "4", "0", "", "0", "0", "0", "0"}});
  }
  return "";
}

void be_a_console(Peer& peer) {
  if (!peer.accept_login()) return;
  while (const auto query = peer.next_query()) {
    const std::string reply = console_answer(*query);
    const std::string refusal = error_response("08P01", "invalid command '" + *query + "'") + ready_for_query();
    if (!peer.send(reply.empty() ? refusal : reply)) return;
  }
}

}  // namespace poolwright::tests

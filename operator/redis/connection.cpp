#include "redis/connection.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace poolwright::redis {
namespace {

/// How late a stop may be noticed.
constexpr Duration kSlice{100};

std::string reason(int error) { return std::generic_category().message(error); }

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor& operator=(Descriptor&&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

/// Until the socket is ready for `events`, the deadline passes or a stop is asked for.
Status wait_ready(int descriptor, short events, const CallLimits& limits) {
  for (;;) {
    if (limits.stop.stop_requested()) return make_error(ErrorKind::kCancelled, "stopped");
    if (limits.deadline.passed()) return make_error(ErrorKind::kDeadlineExceeded, "no answer in time");
    pollfd waiting{.fd = descriptor, .events = events, .revents = 0};
    // At least 1 ms: a deadline that is closer than that must not turn this into a busy loop.
    const auto slice = std::clamp(limits.deadline.left(), Duration{1}, kSlice);
    const int count = ::poll(&waiting, 1, static_cast<int>(slice.count()));
    if (count > 0) return ok();
    if (count < 0 && errno != EINTR) return make_error(ErrorKind::kUnavailable, reason(errno));
  }
}

class PlainConnection final : public Connection {
 public:
  explicit PlainConnection(Descriptor socket) : socket_(std::move(socket)) {}

  Status write(std::string_view bytes, const CallLimits& limits) override {
    while (!bytes.empty()) {
      PW_RETURN_IF_ERROR(wait_ready(socket_.number(), POLLOUT, limits));
      const ssize_t size = ::send(socket_.number(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (size > 0) bytes.remove_prefix(static_cast<std::size_t>(size));
      if (size < 0 && !is_passing(errno)) return make_error(ErrorKind::kUnavailable, reason(errno));
    }
    return ok();
  }

  Result<std::string> read(std::size_t size_max, const CallLimits& limits) override {
    std::string bytes(size_max, '\0');
    for (;;) {
      PW_RETURN_IF_ERROR(wait_ready(socket_.number(), POLLIN, limits));
      const ssize_t size = ::recv(socket_.number(), bytes.data(), bytes.size(), 0);
      if (size == 0) return make_error(ErrorKind::kUnavailable, "the connection was closed");
      if (size < 0 && is_passing(errno)) continue;
      if (size < 0) return make_error(ErrorKind::kUnavailable, reason(errno));
      bytes.resize(static_cast<std::size_t>(size));
      return bytes;
    }
  }

 private:
  static bool is_passing(int error) { return error == EAGAIN || error == EINTR; }

  Descriptor socket_;
};

struct AddressListFree {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

Result<Descriptor> connect_to(const addrinfo& address, const CallLimits& limits) {
  Descriptor socket(
      ::socket(address.ai_family, address.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, address.ai_protocol));
  if (socket.number() < 0) return make_error(ErrorKind::kUnavailable, reason(errno));
  if (::connect(socket.number(), address.ai_addr, address.ai_addrlen) != 0 && errno != EINPROGRESS) {
    return make_error(ErrorKind::kUnavailable, reason(errno));
  }
  PW_RETURN_IF_ERROR(wait_ready(socket.number(), POLLOUT, limits));
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(socket.number(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) return make_error(ErrorKind::kUnavailable, reason(error));
  return socket;
}

}  // namespace

Result<std::unique_ptr<Connection>> Connection::open(const std::string& host, std::uint16_t port,
                                                     const CallLimits& limits) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  const int failed = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  const std::unique_ptr<addrinfo, AddressListFree> list(found);
  if (failed != 0)
    return make_error(ErrorKind::kUnavailable, std::string("find its address: ") + ::gai_strerror(failed));
  Error last = make_error(ErrorKind::kUnavailable, "it has no address");
  for (const addrinfo* address = list.get(); address != nullptr; address = address->ai_next) {
    Result<Descriptor> socket = connect_to(*address, limits);
    if (socket.has_value()) return std::unique_ptr<Connection>(new PlainConnection(*std::move(socket)));
    last = std::move(socket).error();
    if (last.kind != ErrorKind::kUnavailable) break;
  }
  return last;
}

}  // namespace poolwright::redis

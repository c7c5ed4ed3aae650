#include "postgres/bounded_feed.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace poolwright::postgres {

namespace {

// Fits into a socket pair's buffer, which the pump finds empty.
constexpr std::size_t kPieceBytes = 32U << 10U;

void close_all(std::initializer_list<int> descriptors) {
  for (const int descriptor : descriptors) {
    if (descriptor >= 0) close(descriptor);
  }
}

}  // namespace

std::unique_ptr<BoundedFeed> BoundedFeed::begin(int socket) {
  std::array<int, 2> pair{-1, -1};
  const int source = fcntl(socket, F_DUPFD_CLOEXEC, 0);
  const bool is_ready = source >= 0 &&
                        socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair.data()) == 0 &&
                        dup3(pair[0], socket, O_CLOEXEC) == socket;
  if (!is_ready) {
    close_all({source, pair[0], pair[1]});
    return nullptr;
  }
  close(pair[0]);
  return std::unique_ptr<BoundedFeed>(new BoundedFeed(socket, source, pair[1]));
}

BoundedFeed::~BoundedFeed() { close_all({source_, pipe_}); }

void BoundedFeed::pump() {
  std::array<char, kPieceBytes> piece;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled by recv
  const ssize_t count = recv(source_, piece.data(), piece.size(), MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  // The end of the stream, or an error: libpq finds the end of the pipe and words it in its own way.
  const bool is_moved = count > 0 && send(pipe_, piece.data(), static_cast<std::size_t>(count), MSG_NOSIGNAL) == count;
  if (!is_moved) shutdown(pipe_, SHUT_WR);
}

bool BoundedFeed::has_rest() const {
  int count = 0;
  return ioctl(socket_, FIONREAD, &count) == 0 && count > 0;
}

void BoundedFeed::give_back() { dup3(source_, socket_, O_CLOEXEC); }

}  // namespace poolwright::postgres

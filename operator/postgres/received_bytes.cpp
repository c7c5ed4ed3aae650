#include "postgres/received_bytes.h"

// In a file of its own: <netinet/tcp.h>, which asio includes, has an older tcp_info of the same name.
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace poolwright::postgres {

std::uint64_t received_bytes(int socket) {
  tcp_info statistics{};
  socklen_t length = sizeof(statistics);
  if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, &statistics, &length) != 0) return 0;
  return statistics.tcpi_bytes_received;
}

void receive_little_ahead(int socket) {
  // An answer of a poll is a few KB; a long one takes a round trip more for each of these. Much less than the segment
  // size of the loopback device (64 KB) would make that device stall for 200 ms at a time.
  constexpr int kWindowBytes = 32 << 10;
  // Best effort: a socket that does not take it is still watched by received_bytes.
  setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &kWindowBytes, sizeof(kWindowBytes));
}

}  // namespace poolwright::postgres

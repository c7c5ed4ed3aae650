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

}  // namespace poolwright::postgres

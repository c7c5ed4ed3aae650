// How much a TCP socket has received and may receive ahead of us. Private to the rooms that use libpq.
#pragma once

#include <cstdint>

namespace poolwright::postgres {

/// Bytes that the kernel has received on this connection, read by us or not; 0 for a Unix socket or an error. libpq
/// grows its buffer to whatever length a message claims and tells nobody, so this is the only way to stop a giant row
/// while it arrives.
std::uint64_t received_bytes(int socket);

/// Lets the kernel receive only a little ahead of us. libpq reads as long as there is something to read: from a sender
/// faster than us it would take in a giant row within one call, however closely the calls are watched.
void receive_little_ahead(int socket);

}  // namespace poolwright::postgres

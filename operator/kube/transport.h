// HTTP to the API server, as narrow as we need it. CpprestTransport is the real one; tests have an API server in
// memory. Thread rule: every operation may be called from any thread. unary() blocks its caller until the deadline at
// most; open() never blocks, and its sink is called on a thread of the transport, which must not be made to wait.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/deadline.h"
#include "base/result.h"

namespace poolwright::kube {

enum class Method { kGet, kPost, kPut, kPatch, kDelete };
std::string_view to_string(Method method);

inline constexpr std::size_t kResponseBytesMax = std::size_t{64} * 1024 * 1024;
/// An object is at most 1.5 MB in etcd; a line with its JSON stays far below this.
inline constexpr std::size_t kLineBytesMax = std::size_t{8} * 1024 * 1024;

struct Request {
  Method method = Method::kGet;
  std::string path;   // encoded, starts with '/'
  std::string query;  // encoded, without '?'
  std::string accept = "application/json";
  std::string content_type = {};  // of the body
  std::string body = {};
  std::size_t response_bytes_max = kResponseBytesMax;  // of unary(): a larger answer is an error
  std::size_t line_bytes_max = kLineBytesMax;          // of open(): a longer line ends the stream with Protocol
  /// On a connection that was never used before: the library sends a request again, whatever its method, when a reused
  /// connection dies before the answer. Always so for POST.
  bool on_fresh_connection = false;
};

struct Response {
  int status = 0;
  std::string body;
  std::optional<Duration> retry_after = std::nullopt;
};

/// Receives one stream. Calls come one after the other: on_status once, on_line any number of times, on_end exactly
/// once and last (also without any of the others). Implementations only record.
class StreamSink {
 public:
  virtual ~StreamSink() = default;
  virtual void on_status(int status, std::optional<Duration> retry_after) = 0;
  /// A line without its end. False ends the stream: the receiver is full.
  virtual bool on_line(std::string line) = 0;
  virtual void on_end(Status status) = 0;
};

/// A running stream; its destruction ends it, without waiting. The sink may be called a little longer.
class Stream {
 public:
  virtual ~Stream() = default;
};

class Transport {
 public:
  virtual ~Transport() = default;

  /// One request, one bounded answer, whatever its status. Errors: Unavailable (outcome unknown), DeadlineExceeded,
  /// Cancelled, Protocol (answer too large), Unauthorized (no credentials could be read).
  virtual Result<Response> unary(const Request& request, const CallLimits& limits) = 0;

  /// A GET whose answer is taken line by line as it comes. Ends by itself only where the server ends it or nothing at
  /// all arrives for about 90 s: how long it may take in all is up to the caller, who closes it.
  virtual std::unique_ptr<Stream> open(const Request& request, std::shared_ptr<StreamSink> sink) = 0;

  /// New connections from here on, and credentials read again.
  virtual void renew() = 0;
};

}  // namespace poolwright::kube

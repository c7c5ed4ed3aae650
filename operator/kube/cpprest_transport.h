// HTTP to the API server by cpprestsdk, with the work-arounds that this library needs for a long-running process. No
// other file of the program includes it, so that it can be replaced in one place. Thread rule: any thread. At most
// kInFlightMax unary requests run at a time, more wait inside their own deadlines.
#pragma once

#include <memory>

#include "base/clock.h"
#include "kube/config.h"
#include "kube/transport.h"

namespace poolwright::kube {

/// Has to be called once, first in main: after the signals that main waits for were blocked, before any thread starts.
/// Sets variables of the environment that OpenSSL and the resolver read, ignores SIGPIPE, and starts the library's two
/// threads.
void prepare_process();

struct CpprestOptions {
  Duration unary_idle = std::chrono::seconds{10};   // no byte for this long ends a unary request
  Duration stream_idle = std::chrono::seconds{90};  // the same for a stream; bookmarks come every minute
  Duration rebuild_after = std::chrono::minutes{10};
  Duration credentials_age_max = std::chrono::seconds{60};
};

class CpprestTransport final : public Transport {
 public:
  static constexpr int kInFlightMax = 16;

  /// Reads the credentials once, so that a wrong configuration is told at the start. The clock outlives the transport.
  static Result<std::unique_ptr<CpprestTransport>> make(const ClusterConfig& config, const Clock& clock,
                                                        const CpprestOptions& options = {});
  ~CpprestTransport() override;
  CpprestTransport(const CpprestTransport&) = delete;
  CpprestTransport& operator=(const CpprestTransport&) = delete;

  Result<Response> unary(const Request& request, const CallLimits& limits) override;
  std::unique_ptr<Stream> open(const Request& request, std::shared_ptr<StreamSink> sink) override;
  void renew() override;

 private:
  struct State;
  explicit CpprestTransport(std::shared_ptr<State> state);

  std::shared_ptr<State> state_;  // requests that are still ending keep it
};

}  // namespace poolwright::kube

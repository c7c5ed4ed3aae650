// Counts of requests, for /metrics. A decorator of any transport.
// Thread rule: any thread. The counted transport outlives the decorator.
#pragma once

#include <map>
#include <utility>

#include "base/clock.h"
#include "base/histogram.h"
#include "base/mutex.h"
#include "kube/transport.h"

namespace poolwright::kube {

class CountingTransport final : public Transport {
 public:
  /// By method and HTTP status; status 0 = no answer. Streams count as GET.
  using Counts = std::map<std::pair<Method, int>, std::uint64_t>;

  /// Length of answered and failed requests in seconds, streams left out.
  using Seconds = std::map<Method, Histogram>;

  /// Both outlive the decorator.
  CountingTransport(Transport& inner, const Clock& clock) : inner_(inner), clock_(clock) {}

  Result<Response> unary(const Request& request, const CallLimits& limits) override;
  std::unique_ptr<Stream> open(const Request& request, std::shared_ptr<StreamSink> sink) override;
  void renew() override { inner_.renew(); }

  Counts counts() const;
  Seconds seconds() const;

 private:
  class CountedSink;
  struct Book {
    Mutex mutex;
    Counts counts PW_GUARDED_BY(mutex);
    Seconds seconds PW_GUARDED_BY(mutex);

    void count(Method method, int status);
    void time(Method method, double length_s);
  };

  Transport& inner_;
  const Clock& clock_;
  std::shared_ptr<Book> book_ = std::make_shared<Book>();  // sinks may live longer than the decorator
};

}  // namespace poolwright::kube

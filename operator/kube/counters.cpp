#include "kube/counters.h"

namespace poolwright::kube {

class CountingTransport::CountedSink final : public StreamSink {
 public:
  CountedSink(std::shared_ptr<StreamSink> inner, std::shared_ptr<Book> book)
      : inner_(std::move(inner)), book_(std::move(book)) {}

  void on_status(int status, std::optional<Duration> retry_after) override {
    is_answered_ = true;
    book_->count(Method::kGet, status);
    inner_->on_status(status, retry_after);
  }
  bool on_line(std::string line) override { return inner_->on_line(std::move(line)); }
  void on_end(Status status) override {
    if (!is_answered_) book_->count(Method::kGet, 0);
    inner_->on_end(std::move(status));
  }

 private:
  const std::shared_ptr<StreamSink> inner_;
  const std::shared_ptr<Book> book_;
  bool is_answered_ = false;  // calls of a sink come one after the other
};

void CountingTransport::Book::count(Method method, int status) {
  const MutexLock lock(mutex);
  ++counts[{method, status}];
}

void CountingTransport::Book::time(Method method, double length_s) {
  const MutexLock lock(mutex);
  observe(seconds.try_emplace(method, make_histogram(latency_bounds())).first->second, length_s);
}

Result<Response> CountingTransport::unary(const Request& request, const CallLimits& limits) {
  const MonotonicTime begin = clock_.now();
  auto answer = inner_.unary(request, limits);
  book_->time(request.method, std::chrono::duration<double>(clock_.now() - begin).count());
  book_->count(request.method, answer ? answer->status : 0);
  return answer;
}

std::unique_ptr<Stream> CountingTransport::open(const Request& request, std::shared_ptr<StreamSink> sink) {
  return inner_.open(request, std::make_shared<CountedSink>(std::move(sink), book_));
}

CountingTransport::Seconds CountingTransport::seconds() const {
  const MutexLock lock(book_->mutex);
  return book_->seconds;
}

CountingTransport::Counts CountingTransport::counts() const {
  const MutexLock lock(book_->mutex);
  return book_->counts;
}

}  // namespace poolwright::kube

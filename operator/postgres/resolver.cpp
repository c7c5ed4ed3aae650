#include "postgres/resolver.h"

#include <utility>
// Boost.Asio 1.74 needs <utility> before it.
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "postgres/table.h"
#include "postgres/target.h"
#include "postgres/timer.h"

namespace poolwright::postgres {

using boost::asio::ip::tcp;

namespace {

constexpr std::size_t kHostBytesMax = 255;

std::vector<std::string> addresses_of(const tcp::resolver::results_type& entries) {
  std::vector<std::string> addresses;
  for (const auto& entry : entries) {
    if (addresses.size() == kAddressesMax) break;
    addresses.push_back(entry.endpoint().address().to_string());
  }
  return addresses;
}

}  // namespace

struct Resolver::State {
  explicit State(IoThread& thread) : resolver(thread.context()), deadline(thread) {}

  void finish(Result<std::vector<std::string>> result) {
    ++generation;
    deadline.cancel();
    resolver.cancel();
    if (const Done told = std::exchange(done, nullptr)) told(std::move(result));
  }

  tcp::resolver resolver;
  Timer deadline;
  std::uint64_t generation = 0;
  Done done;
};

Resolver::Resolver(IoThread& thread) : state_(std::make_shared<State>(thread)) {}

Resolver::~Resolver() { cancel(); }

void Resolver::cancel() {
  state_->done = nullptr;
  state_->finish(std::vector<std::string>{});
}

void Resolver::resolve(const std::string& host, Duration limit, Done done) {
  cancel();
  state_->done = std::move(done);
  const std::weak_ptr<State> weak = state_;
  boost::system::error_code not_numeric;
  boost::asio::ip::make_address(host, not_numeric);
  const std::string what = "resolve '" + printable(host, kHostBytesMax) + "'";
  if (!not_numeric) {
    return state_->deadline.start(Duration{0}, [weak, host] {
      if (const auto self = weak.lock()) self->finish(std::vector<std::string>{host});
    });
  }
  state_->deadline.start(limit, [weak, what] {
    if (const auto self = weak.lock())
      self->finish(make_error(ErrorKind::kDeadlineExceeded, what + ": no answer in time"));
  });
  state_->resolver.async_resolve(
      host, "",
      [weak, what, expected = state_->generation](const boost::system::error_code& problem,
                                                  const tcp::resolver::results_type& entries) {
        const auto self = weak.lock();
        if (!self || self->generation != expected) return;
        if (problem) return self->finish(make_error(ErrorKind::kUnavailable, what + ": " + problem.message()));
        self->finish(addresses_of(entries));
      });
}

}  // namespace poolwright::postgres

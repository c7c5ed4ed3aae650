// Host name -> addresses without blocking the I/O thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "postgres/io_thread.h"

namespace poolwright::postgres {

/// Thread rule: I/O thread only. The lookup itself runs on a thread of asio's, one at a time: a name server that does
/// not answer delays the lookups of other names, but no connection that is open.
class Resolver {
 public:
  using Done = std::function<void(Result<std::vector<std::string>>)>;

  explicit Resolver(IoThread& thread);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// Numeric addresses of `host`, at most kAddressesMax; a numeric host is its own address. `done` is called once, not
  /// from within this call. kUnavailable (no such name now), kDeadlineExceeded. Drops a lookup that still runs.
  void resolve(const std::string& host, Duration limit, Done done);
  void cancel();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace poolwright::postgres

#include "postgres/probe.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "postgres/pending.h"
#include "postgres/pq_connection.h"
#include "postgres/resolver.h"

namespace poolwright::postgres {

namespace {

constexpr Duration kStepLimit{5'000};

/// One run on the I/O thread; the caller keeps it until its result is there or nobody waits for it any more.
struct ProbeRun {
  ProbeRun(IoThread& thread, const Clock& time, Duration limit)
      : clock(time),
        step_limit(std::min(limit, kStepLimit)),
        resolver(thread),
        connection(thread, ConnectionLimits{.connect = step_limit}),
        pending(std::make_shared<Pending<ProbeResult>>()) {}

  void start(const ServerAddress& address) {
    resolver.resolve(address.host, step_limit, [this, address](Result<std::vector<std::string>> addresses) {
      if (!addresses) return pending->set(addresses.error());
      connect(Target{.addresses = *std::move(addresses),
                     .host_name = address.host,
                     .port = address.port,
                     .database = address.database,
                     .login = address.login,
                     .tls = address.tls});
    });
  }

  void connect(const Target& target) {
    started_at = clock.now();
    connection.connect(target, [this](const Status& status) {
      if (!status) return pending->set(status.error());
      result.connect_time = since_start();
      result.version = connection.server_version();
      started_at = clock.now();
      connection.query("SELECT 1", step_limit, [this](const Result<Table>& answer) {
        result.response_time = since_start();
        connection.close();
        if (!answer) return pending->set(answer.error());
        pending->set(result);
      });
    });
  }

  std::chrono::microseconds since_start() const {
    return std::chrono::duration_cast<std::chrono::microseconds>(clock.now() - started_at);
  }

  const Clock& clock;
  const Duration step_limit;
  Resolver resolver;
  PqConnection connection;
  std::shared_ptr<Pending<ProbeResult>> pending;
  MonotonicTime started_at{};
  ProbeResult result;
};

}  // namespace

Result<ProbeResult> probe(IoThread& thread, const Clock& clock, const ServerAddress& address,
                          const CallLimits& limits) {
  std::unique_ptr<ProbeRun> run;
  thread.run_and_wait([&] {
    run = std::make_unique<ProbeRun>(thread, clock, limits.deadline.left());
    run->start(address);
  });
  const auto pending = run->pending;
  Result<ProbeResult> result = pending->wait(limits, "probe " + address.host);
  thread.run_and_wait([&run] { run.reset(); });
  return result;
}

}  // namespace poolwright::postgres

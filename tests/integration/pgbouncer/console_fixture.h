// One fleet with one pod, on a real PgBouncer of each version that this machine has.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/deadline.h"
#include "base/random.h"
#include "integration/pgbouncer/servers.h"
#include "pgbouncer/fleet.h"
#include "pgbouncer/verify.h"
#include "postgres/io_thread.h"

namespace poolwright::tests {

/// Polls until the condition holds; false if it never does. Bounds how long a broken test hangs, asserts no time.
bool eventually(const std::function<bool()>& condition);

/// The rendered form of what PgBouncerServer::write_config writes.
pgbouncer::ExpectedConfig expected_config(const IniOptions& options, std::uint16_t postgres_port);

inline constexpr const char* kPod = "pod-1";

class ConsoleFixture : public testing::TestWithParam<std::string> {
 protected:
  /// Skips by name where the version or PostgreSQL is missing, else starts PgBouncer and connects its console.
  void SetUp() override;

  CallLimits limits() const { return {Deadline(clock, Duration{20'000}), {}}; }
  pgbouncer::PodTarget target(const std::string& user = "admin") const;
  /// Whether SHOW VERSION answers on a connection opened now.
  bool can_open_another_console() const;
  bool is_at_least(int version) const { return console->version() >= version; }

  SystemClock clock;
  SystemRandom random_source;
  std::shared_ptr<PostgresServer> database;
  std::unique_ptr<PgBouncerServer> server;
  std::unique_ptr<postgres::IoThread> io_thread;
  std::unique_ptr<pgbouncer::ConsoleFleet> fleet;
  std::shared_ptr<pgbouncer::Console> console;
};

std::string version_name(const testing::TestParamInfo<std::string>& parameter);

}  // namespace poolwright::tests

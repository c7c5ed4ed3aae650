// What every Console keeps, whatever stands behind it. Run by the unit tests on the fake and by the integration tests
// on real PgBouncers, so that a test that uses the fake is worth something.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "base/deadline.h"
#include "pgbouncer/console.h"

namespace poolwright::tests {

/// Of a failure; none if there is none.
template <typename T>
std::optional<ErrorKind> kind_of(const Result<T>& result) {
  return result.has_value() ? std::nullopt : std::optional(result.error().kind);
}

/// A PgBouncer with databases "app" (pool_size 4) and "my-db" and marker "gen-1", reached as admin.
inline void check_console_contract(pgbouncer::Console& console, const Clock& clock) {
  using pgbouncer::Command;
  const CallLimits limits{Deadline(clock, Duration{20'000}), {}};

  EXPECT_GE(console.version(), 11800);
  const auto version = show_version(console, limits);
  ASSERT_TRUE(version) << describe(version.error());
  EXPECT_THAT(*version, testing::StartsWith("PgBouncer 1."));

  const auto config = show_config(console, limits);
  ASSERT_TRUE(config) << describe(config.error());
  const auto marker =
      std::find_if(config->begin(), config->end(), [](const auto& row) { return row.key == "syslog_ident"; });
  ASSERT_NE(marker, config->end());
  EXPECT_EQ(marker->value, "gen-1");
  EXPECT_EQ(marker->default_value, "pgbouncer");
  EXPECT_TRUE(marker->is_changeable);

  const auto row_of = [&](const std::string& name) -> std::optional<pgbouncer::DatabaseRow> {
    const auto rows = show_databases(console, limits);
    if (!rows) return std::nullopt;
    const auto found = std::find_if(rows->begin(), rows->end(), [&](const auto& row) { return row.name == name; });
    return found == rows->end() ? std::nullopt : std::optional(*found);
  };
  ASSERT_TRUE(row_of("app"));
  EXPECT_EQ(row_of("app")->pool_size, 4);
  EXPECT_FALSE(row_of("app")->is_paused);
  EXPECT_TRUE(show_pools(console, limits).has_value());
  EXPECT_TRUE(show_stats(console, limits).has_value());
  EXPECT_TRUE(show_lists(console, limits).has_value());
  const auto users = show_users(console, limits);
  ASSERT_TRUE(users);
  EXPECT_THAT(*users, testing::Contains("admin"));

  EXPECT_TRUE(tell(console, Command::reload(), limits).has_value());

  EXPECT_TRUE(tell(console, *Command::pause("my-db"), limits).has_value());
  EXPECT_TRUE(row_of("my-db")->is_paused);
  EXPECT_FALSE(row_of("app")->is_paused);
  EXPECT_TRUE(tell(console, *Command::pause("my-db"), limits).has_value()) << "paused already";
  EXPECT_TRUE(tell(console, *Command::resume("my-db"), limits).has_value());
  EXPECT_FALSE(row_of("my-db")->is_paused);
  EXPECT_EQ(kind_of(tell(console, *Command::resume("my-db"), limits)), ErrorKind::kInvalid) << "not paused";
  if (console.version() >= pgbouncer::kFirstVersionWithState) {
    EXPECT_FALSE(*show_paused(console, limits));
    EXPECT_TRUE(tell(console, Command::pause_all(), limits).has_value());
    EXPECT_TRUE(*show_paused(console, limits));
    EXPECT_FALSE(row_of("app")->is_paused) << "not by itself";
    EXPECT_EQ(kind_of(tell(console, Command::pause_all(), limits)), ErrorKind::kInvalid) << "paused already";
    EXPECT_TRUE(tell(console, Command::resume_all(), limits).has_value());
    EXPECT_FALSE(*show_paused(console, limits));
  }
  EXPECT_TRUE(tell(console, *Command::reconnect("my-db"), limits).has_value());
  EXPECT_EQ(kind_of(tell(console, *Command::reconnect("nobody"), limits)), ErrorKind::kInvalid) << "no such database";

  // Still in order after errors, and never sent once the time is up.
  const CallLimits late{Deadline(clock, Duration{0}), {}};
  EXPECT_EQ(kind_of(tell(console, *Command::pause("app"), late)), ErrorKind::kDeadlineExceeded);
  std::stop_source stop;
  stop.request_stop();
  const CallLimits stopped{Deadline(clock, Duration{20'000}), stop.get_token()};
  EXPECT_EQ(kind_of(tell(console, *Command::pause("app"), stopped)), ErrorKind::kCancelled);
  ASSERT_TRUE(show_version(console, limits).has_value());
  EXPECT_FALSE(row_of("app")->is_paused);
}

}  // namespace poolwright::tests

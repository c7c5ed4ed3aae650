// What it costs to look after many PgBouncers: consoles polled once a second by one fleet. Each poll is SHOW POOLS,
// SHOW STATS and SHOW DATABASES.
//
//   bench_console ADDRESS PORT USER PASSWORD [CONSOLES=1000] [SECONDS=30]
//
// All consoles go to one PgBouncer (max_client_conn must allow them), so its own CPU is not counted: the figures are
// this process's.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/deadline.h"
#include "base/random.h"
#include "pgbouncer/fleet.h"
#include "postgres/io_thread.h"

namespace {

using poolwright::Duration;
using poolwright::MonotonicTime;
using poolwright::pgbouncer::ConsoleFleet;

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double rss_megabytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::atof(line.c_str() + 6) / 1024;
  }
  return 0;
}

double percentile(std::vector<double>& values, double part) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(part * static_cast<double>(values.size() - 1))];
}

std::size_t connected(const ConsoleFleet& fleet) {
  std::size_t count = 0;
  for (const auto& [pod, seen] : fleet.observations()) count += seen->is_connected ? 1U : 0U;
  return count;
}

struct Measured {
  std::vector<double> round_trips_ms;
  std::vector<double> intervals_ms;
  std::int64_t failures = 0;
};

/// Looks at the published snapshots often enough to see each poll once.
Measured watch(const ConsoleFleet& fleet, std::chrono::seconds duration) {
  const poolwright::SystemClock clock;
  Measured measured;
  std::map<std::string, MonotonicTime> last;
  const MonotonicTime end = clock.now() + duration;
  while (clock.now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds{250});
    for (const auto& [pod, seen] : fleet.observations()) {
      if (!seen->observed_at) continue;
      measured.failures += seen->error ? 1 : 0;
      MonotonicTime& before = last[pod];
      if (before == *seen->observed_at) continue;
      measured.round_trips_ms.push_back(static_cast<double>(seen->round_trip.count()) * 1e-3);
      if (before != MonotonicTime{}) {
        const std::chrono::duration<double, std::milli> interval = *seen->observed_at - before;
        measured.intervals_ms.push_back(interval.count());
      }
      before = *seen->observed_at;
    }
  }
  return measured;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 5) {
    std::fprintf(stderr, "usage: bench_console ADDRESS PORT USER PASSWORD [CONSOLES=1000] [SECONDS=30]\n");
    return 2;
  }
  const std::size_t consoles = count > 5 ? std::strtoul(arguments[5], nullptr, 10) : 1'000;
  const std::chrono::seconds duration{count > 6 ? std::strtol(arguments[6], nullptr, 10) : 30};
  const poolwright::pgbouncer::PodTarget target{
      .address = arguments[1],
      .port = static_cast<std::uint16_t>(std::strtoul(arguments[2], nullptr, 10)),
      .logins = {{.user = arguments[3], .password = poolwright::SecretString(arguments[4])}},
      .tls = {.mode = "disable"}};
  const poolwright::SystemClock clock;
  poolwright::SystemRandom random;
  poolwright::postgres::IoThread thread;
  ConsoleFleet fleet(thread, clock, random, {});
  const double rss_before = rss_megabytes();
  const double cpu_start = cpu_seconds();
  const MonotonicTime start = clock.now();
  for (std::size_t i = 0; i < consoles; ++i) fleet.set_pod("pod-" + std::to_string(i), target);
  const poolwright::Deadline patience(clock, std::chrono::minutes{5});
  while (connected(fleet) < consoles && !patience.passed()) std::this_thread::sleep_for(std::chrono::milliseconds{50});
  const std::chrono::duration<double> connecting = clock.now() - start;
  std::printf("consoles %zu of %zu connected in %.1f s (%.0f/s), CPU %.2f s\n", connected(fleet), consoles,
              connecting.count(), static_cast<double>(consoles) / connecting.count(), cpu_seconds() - cpu_start);

  const double cpu_before = cpu_seconds();
  Measured measured = watch(fleet, duration);
  const double cpu = cpu_seconds() - cpu_before;
  const auto polls = static_cast<double>(measured.round_trips_ms.size());
  std::printf("polls %.0f in %lld s, failures seen %lld\n", polls, static_cast<long long>(duration.count()),
              static_cast<long long>(measured.failures));
  std::printf("CPU of one core      %6.2f %%   (%.0f us per poll of three SHOWs)\n",
              100 * cpu / static_cast<double>(duration.count()), 1e6 * cpu / std::max(polls, 1.0));
  std::printf("poll round trip ms   p50 %.2f  p99 %.2f  max %.2f\n", percentile(measured.round_trips_ms, 0.5),
              percentile(measured.round_trips_ms, 0.99), percentile(measured.round_trips_ms, 1));
  std::printf("between two polls ms p50 %.0f  p99 %.0f  max %.0f\n", percentile(measured.intervals_ms, 0.5),
              percentile(measured.intervals_ms, 0.99), percentile(measured.intervals_ms, 1));
  std::printf("RSS MB               %.1f before, %.1f with all consoles\n", rss_before, rss_megabytes());
  return connected(fleet) == consoles ? 0 : 1;
}

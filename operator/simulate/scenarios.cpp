#include "simulate/scenarios.h"

#include <cmath>
#include <numbers>

namespace poolwright::simulate {
namespace {

std::function<double(double)> always(double clients) {
  return [clients](double) { return clients; };
}

bool is_within(double t, double from, double until) { return t >= from && t < until; }

Workload one_pool(std::function<double(double)> clients) {
  Workload workload;
  workload.clients = std::move(clients);
  return workload;
}

Scenario single(std::string name, std::string summary, double duration_s, Workload workload) {
  Scenario scenario;
  scenario.name = std::move(name);
  scenario.summary = std::move(summary);
  scenario.duration_s = duration_s;
  scenario.workloads = {std::move(workload)};
  return scenario;
}

Scenario steady() {
  Scenario scenario = single("steady", "400 clients all the time", 900, one_pool(always(400)));
  scenario.oracle = {{0, {14}}};
  return scenario;
}

Scenario diurnal() {
  const auto clients = [](double t) { return 100 + 1000 * (0.5 - 0.5 * std::cos(2 * std::numbers::pi * t / 1200)); };
  Scenario scenario = single("diurnal", "100 to 1100 clients and back, as over a day", 1200, one_pool(clients));
  scenario.oracle = {{0, {8}},    {150, {18}}, {300, {28}}, {450, {28}},
                     {600, {28}}, {750, {28}}, {900, {18}}, {1050, {8}}};
  return scenario;
}

Scenario burst10() {
  const auto clients = [](double t) {
    return is_within(t, 300, 360) || is_within(t, 700, 760) || is_within(t, 1000, 1060) ? 1500.0 : 150.0;
  };
  Scenario scenario =
      single("burst10", "three bursts of ten times the clients, a minute each", 1300, one_pool(clients));
  scenario.oracle = {{0, {10}}, {300, {67}}, {360, {10}}, {700, {67}}, {760, {10}}, {1000, {67}}, {1060, {10}}};
  return scenario;
}

Scenario slow_lock() {
  Workload workload = one_pool(always(400));
  workload.slow = [](double t) { return is_within(t, 300, 600) ? SlowPart{0.10, 0.0, 1.5} : SlowPart{}; };
  Scenario scenario = single("slow_lock", "every tenth transaction waits 1.5 s for a lock", 1000, std::move(workload));
  scenario.oracle = {{0, {14}}, {300, {50}}, {600, {14}}};
  return scenario;
}

Scenario slow_cpu() {
  Workload workload = one_pool(always(400));
  workload.slow = [](double t) { return is_within(t, 300, 600) ? SlowPart{0.08, 1.0, 0.0} : SlowPart{}; };
  Scenario scenario = single("slow_cpu", "8 % of the transactions compute for a second", 1000, std::move(workload));
  scenario.oracle = {{0, {14}}, {300, {80}}, {600, {14}}};
  return scenario;
}

Scenario leak() {
  Workload workload = one_pool(always(400));
  workload.limits.max = 60;
  workload.leak = [](double t) { return is_within(t, 200, 700) ? LeakPart{0.0012, 150.0} : LeakPart{}; };
  Scenario scenario = single("leak", "one transaction in 800 is left idle for 150 s", 1200, std::move(workload));
  scenario.oracle = {{0, {14}}, {200, {21}}, {400, {21}}, {700, {14}}, {900, {14}}};
  return scenario;
}

Scenario db_sat() {
  const auto clients = [](double t) { return is_within(t, 200, 900) ? 3000.0 : 400.0; };
  Scenario scenario = single("db_sat", "more clients than the server can ever serve", 1200, one_pool(clients));
  scenario.oracle = {{0, {14}}, {200, {50}}, {900, {14}}};
  return scenario;
}

Scenario osc40s() {
  const auto clients = [](double t) { return std::fmod(t, 40.0) < 20.0 ? 200.0 : 800.0; };
  Scenario scenario = single("osc40s", "200 and 800 clients in turn, 20 s each", 900, one_pool(clients));
  scenario.oracle = {{0, {21}}};
  return scenario;
}

Scenario two_pools() {
  Workload quiet = one_pool(always(700));
  quiet.limits = {.min = 5, .max = 80, .initial = 10, .reserve_per_pod = 0};
  Workload bursty =
      one_pool([](double t) { return is_within(t, 300, 420) || is_within(t, 700, 820) ? 2000.0 : 150.0; });
  bursty.name = "b";
  bursty.think_s = 4.0;
  bursty.gap_s = 0.120;
  bursty.pods = 2;
  bursty.limits = {.min = 6, .max = 80, .initial = 10, .reserve_per_pod = 0};
  Scenario scenario =
      single("two_pools", "two pools on one budget of 80, one of them bursting", 1100, std::move(quiet));
  scenario.workloads.push_back(std::move(bursty));
  scenario.server.max_connections = 90;
  scenario.budget = 80;
  scenario.oracle = {{0, {22, 9}}, {300, {14, 33}}, {420, {22, 9}}, {700, {14, 33}}, {820, {22, 9}}};
  return scenario;
}

Scenario small_db() {
  const auto clients = [](double t) { return is_within(t, 100, 500) ? 1500.0 : 150.0; };
  Scenario scenario =
      single("small_db", "ten times the clients on a server with its knee at 22", 650, one_pool(clients));
  scenario.server.contention = 0.05;
  scenario.server.coherence = 0.002;
  scenario.oracle = {{0, {10}}, {100, {21}}, {500, {10}}};
  return scenario;
}

Scenario big_db() {
  Workload workload = one_pool([](double t) { return is_within(t, 100, 350) ? 6500.0 : 1000.0; });
  workload.limits.max = 400;
  Scenario scenario = single("big_db", "6500 clients on a server with its knee at 141", 450, std::move(workload));
  scenario.server = {.contention = 0.005, .coherence = 0.00005, .max_connections = 500};
  scenario.budget = 490;
  scenario.oracle = {{0, {28}}, {100, {170}}, {350, {28}}};
  return scenario;
}

}  // namespace

const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> kAll = {steady(), diurnal(), burst10(),   slow_lock(), slow_cpu(), leak(),
                                             db_sat(), osc40s(),  two_pools(), small_db(),  big_db()};
  return kAll;
}

const Scenario* find_scenario(std::string_view name) {
  for (const Scenario& scenario : scenarios()) {
    if (scenario.name == name) return &scenario;
  }
  return nullptr;
}

}  // namespace poolwright::simulate

#include <gtest/gtest.h>

#include <fstream>

#include "simulate/plot.h"
#include "simulate/replay_report.h"
#include "simulate/run.h"

namespace poolwright::simulate {
namespace {

SimulationOptions options_for(const std::string& scenario, std::vector<std::string> policies) {
  SimulationOptions options;
  options.scenarios = {scenario};
  options.policies = std::move(policies);
  options.seeds = {1};
  return options;
}

TEST(Simulation, PercentilesAreInterpolated) {
  std::vector<double> values = {4, 1, 3, 2};
  EXPECT_DOUBLE_EQ(percentile(values, 0.5), 2.5);
  EXPECT_DOUBLE_EQ(percentile(values, 1.0), 4);
  std::vector<double> none;
  EXPECT_DOUBLE_EQ(percentile(none, 0.5), 0);
}

TEST(Simulation, TheSameSeedGivesTheSameRun) {
  const SimulationOptions options = options_for("small_db", {"ours"});
  EXPECT_EQ(to_csv(*run_simulation(options)), to_csv(*run_simulation(options)));
  SimulationOptions other = options;
  other.seeds = {2};
  EXPECT_NE(to_csv(*run_simulation(options)), to_csv(*run_simulation(other)));
}

TEST(Simulation, OurSizingKeepsASmallServerWorking) {
  const Result<Report> report = run_simulation(options_for("small_db", {"hpa_q", "ours"}));
  ASSERT_TRUE(report.has_value());
  const Metrics& hpa = report->rows.at(0).metrics;
  const Metrics& ours = report->rows.at(1).metrics;
  EXPECT_GT(ours.transactions_per_s, 1.7 * hpa.transactions_per_s);
  EXPECT_LT(ours.held, 40);
}

TEST(Simulation, OurSizingNeverPassesTheBudget) {
  const Result<Report> report = run_simulation(options_for("two_pools", {"hpa_2s", "ours"}));
  ASSERT_TRUE(report.has_value());
  EXPECT_GT(report->rows.at(0).metrics.seconds_over_budget, 100) << "the scenario must be able to show it";
  EXPECT_EQ(report->rows.at(1).metrics.seconds_over_budget, 0);
  EXPECT_EQ(report->rows.at(1).metrics.seconds_allocated_over_budget, 0);
  EXPECT_EQ(report->rows.at(1).metrics.rejected_logins, 0);
}

TEST(Simulation, ABurstOfTenTimesTheClientsIsServedWithinSeconds) {
  const Result<Report> report = run_simulation(options_for("burst10", {"static25", "ours", "oracle"}));
  ASSERT_TRUE(report.has_value());
  const Metrics& ours = report->rows.at(1).metrics;
  EXPECT_LT(ours.p99_wait_ms, report->rows.at(0).metrics.p99_wait_ms);
  EXPECT_GT(ours.transactions_per_s, 0.98 * report->rows.at(2).metrics.transactions_per_s);
}

TEST(Simulation, CountersAddUp) {
  SimulationOptions options = options_for("steady", {"static25"});
  sizing::ServerInput last;
  options.simulator.on_observation = [&](const sizing::ServerInput& input) { last = input; };
  const Result<Report> report = run_simulation(options);
  ASSERT_TRUE(report.has_value());
  const sizing::PodCounters& counters = last.pools.at(0).pod_inputs.at(0).observation->counters;
  EXPECT_NEAR(counters.xact_count / 900, report->rows.at(0).metrics.transactions_per_s, 1);
  EXPECT_NEAR((counters.xact_time_us - counters.wait_time_us) / counters.xact_count, 32e3, 4e3)
      << "20 + 10 ms and a queue";
  EXPECT_NEAR((counters.xact_time_us - counters.query_time_us) / counters.xact_count, 10e3, 500) << "the gap";
}

TEST(Simulation, UnknownNamesAreRefusedWithTheKnownOnes) {
  const Result<Report> scenario = run_simulation(options_for("nowhere", {"ours"}));
  ASSERT_FALSE(scenario.has_value());
  EXPECT_NE(scenario.error().message.find("burst10"), std::string::npos);
  const Result<Report> policy = run_simulation(options_for("steady", {"luck"}));
  ASSERT_FALSE(policy.has_value());
  EXPECT_NE(policy.error().message.find("static25"), std::string::npos);
  SimulationOptions none = options_for("steady", {"ours"});
  none.seeds.clear();
  EXPECT_FALSE(run_simulation(none).has_value());
}

TEST(Simulation, PlotsAndTracesShowEveryPolicy) {
  SimulationOptions options = options_for("small_db", {"static25", "ours"});
  options.with_traces = true;
  const Result<Report> report = run_simulation(options);
  ASSERT_TRUE(report.has_value());
  const std::string svg = plot_svg(report->rows);
  for (const char* part : {"<svg", ">static25<", ">ours<", ">demand<", "</svg>"}) {
    EXPECT_NE(svg.find(part), std::string::npos) << part;
  }
  EXPECT_NE(trace_csv(*report).find("small_db,ours,100,a,"), std::string::npos);
  EXPECT_TRUE(plot_svg({}).empty());
}

TEST(ReplayReport, TellsWhatWouldHaveBeenDecidedAndWhy) {
  std::ifstream log("tests/data/observations/two_pools.jsonl");
  ASSERT_TRUE(log.good());
  sizing::Replay replay;
  ReplayReport report;
  EXPECT_TRUE(report.empty());
  std::size_t lines = 0;
  for (std::string line; std::getline(log, line); ++lines) {
    const auto moment = replay.feed(line);
    ASSERT_TRUE(moment.has_value()) << moment.error().message;
    report.add(*moment);
  }
  EXPECT_FALSE(report.empty());
  const std::string text = report.to_text();
  EXPECT_TRUE(text.starts_with("server")) << text;
  EXPECT_NE(text.find("  " + std::to_string(lines) + "  "), std::string::npos) << text;
  EXPECT_NE(text.find(" per pod"), std::string::npos) << text;
}

}  // namespace
}  // namespace poolwright::simulate

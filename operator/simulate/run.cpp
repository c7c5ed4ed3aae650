#include "simulate/run.h"

namespace poolwright::simulate {
namespace {

Error unknown_scenario(const std::string& name) {
  std::string known;
  for (const Scenario& scenario : scenarios()) known += (known.empty() ? "" : ", ") + scenario.name;
  return make_error(ErrorKind::kInvalid, "simulate: there is no scenario \"" + name + "\"; there are " + known);
}

std::vector<std::string> policies_for(const SimulationOptions& options, const Scenario& scenario) {
  if (!options.policies.empty()) return options.policies;
  std::vector<std::string> names;
  for (const std::string& name : policy_names()) {
    // The budget is what hpa_b is about: without a second pool it is plain hpa.
    if (name != "hpa_b" || scenario.workloads.size() > 1) names.push_back(name);
  }
  return names;
}

Result<ReportRow> run_row(const Scenario& scenario, const std::string& policy, const SimulationOptions& options) {
  ReportRow row{.scenario = scenario.name, .policy = policy, .seeds = options.seeds, .metrics = {}, .trace = {}};
  std::vector<Metrics> runs;
  for (const std::uint64_t seed : options.seeds) {
    PW_ASSIGN_OR_RETURN(const std::unique_ptr<SizePolicy> decider, make_policy(policy, scenario, options.ours));
    SimulatorOptions simulator = options.simulator;
    simulator.seed = seed;
    Outcome outcome = simulate(scenario, initial_sizes(policy, scenario), *decider, simulator);
    if (options.with_traces && row.trace.empty()) row.trace = outcome.trace;
    runs.push_back(measure(std::move(outcome)));
  }
  row.metrics = mean(runs);
  return row;
}

}  // namespace

Result<Report> run_simulation(const SimulationOptions& options) {
  if (options.seeds.empty() || options.seeds.size() > kSeedsMax) {
    return make_error(ErrorKind::kInvalid, "simulate: the number of seeds must be from 1 to 100");
  }
  std::vector<const Scenario*> chosen;
  for (const std::string& name : options.scenarios) {
    const Scenario* scenario = find_scenario(name);
    if (scenario == nullptr) return unknown_scenario(name);
    chosen.push_back(scenario);
  }
  if (chosen.empty()) {
    for (const Scenario& scenario : scenarios()) chosen.push_back(&scenario);
  }
  Report report;
  for (const Scenario* scenario : chosen) {
    for (const std::string& policy : policies_for(options, *scenario)) {
      PW_ASSIGN_OR_RETURN(ReportRow row, run_row(*scenario, policy, options));
      report.rows.push_back(std::move(row));
    }
  }
  return report;
}

}  // namespace poolwright::simulate

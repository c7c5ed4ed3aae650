// The program's side of the differential test (compare.py):
//   sizing_decide decide              reads records from stdin, writes one line of decisions each; an empty line starts
//   anew sizing_decide record NAME SEED    runs a scenario of the simulator under our sizing and writes its records
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "simulate/run.h"
#include "sizing/observation_json.h"
#include "sizing/server_sizer.h"

namespace {

using poolwright::sizing::ServerDecision;
using poolwright::sizing::ServerSizer;

std::string to_line(const ServerDecision& decision, const ServerSizer& sizer) {
  nlohmann::json pools = nlohmann::json::array();
  for (const auto& pool : decision.pools) {
    pools.push_back({{"id", pool.id},
                     {"size", pool.size},
                     {"recommended", pool.recommended},
                     {"admitted", pool.is_admitted},
                     {"pods_affordable", pool.pods_affordable},
                     {"load", pool.why.load},
                     {"busy", pool.why.busy},
                     {"share_in_statements", pool.why.statement_share},
                     {"remembered", pool.why.remembered_load},
                     {"doubt", to_string(pool.why.doubt)},
                     {"need", pool.why.need},
                     {"bare", pool.why.bare},
                     {"wanted", pool.why.wanted},
                     {"guarded", pool.why.guarded},
                     {"share", pool.why.share}});
  }
  return nlohmann::json({{"guard", to_string(decision.guard_state)},
                         {"proven", sizer.guard().proven()},
                         {"budget_exceeded", decision.is_budget_exceeded},
                         {"committed_before", decision.committed_before},
                         {"committed_after", decision.committed_after},
                         {"pools", pools}})
      .dump();
}

int decide() {
  std::optional<ServerSizer> sizer;
  for (std::string line; std::getline(std::cin, line);) {
    if (line.empty()) {
      sizer.reset();
      continue;
    }
    const auto record = poolwright::sizing::parse_json_line(line);
    if (!record) {
      std::cerr << record.error().message << "\n";
      return 1;
    }
    if (!sizer) sizer.emplace(record->parameters);
    const ServerDecision decision = sizer->decide(record->input);
    std::cout << to_line(decision, *sizer) << std::endl;
  }
  return 0;
}

int record(const std::string& name, const std::string& seed) {
  poolwright::simulate::SimulationOptions options;
  options.scenarios = {name};
  options.policies = {"ours"};
  options.seeds = {std::stoull(seed)};
  options.simulator.on_observation = [](const poolwright::sizing::ServerInput& input) {
    std::cout << poolwright::sizing::to_json_line({.server = "simulated", .input = input, .parameters = {}}) << "\n";
  };
  const auto report = poolwright::simulate::run_simulation(options);
  if (!report) std::cerr << report.error().message << "\n";
  return report ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  if (mode == "decide") return decide();
  if (mode == "record" && argc == 4) return record(argv[2], argv[3]);
  std::cerr << "usage: sizing_decide decide | record SCENARIO SEED\n";
  return 2;
}

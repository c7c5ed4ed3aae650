// Runs the simulated comparison of docs/sizing.md and writes its files:
//   simulate_table [OUT_DIR [scenario,...|all] [policy,...|all] [seed,...]]
// Without OUT_DIR the table is only printed. OUT_DIR gets table.txt, table.csv and one <scenario>.svg per scenario (of
// the first seed).
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "simulate/plot.h"
#include "simulate/run.h"

namespace {

using poolwright::simulate::ReportRow;

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, ',');) parts.push_back(part);
  return parts.size() == 1 && parts.front() == "all" ? std::vector<std::string>{} : parts;
}

void write(const std::filesystem::path& path, const std::string& text) { std::ofstream(path) << text; }

/// The policies that a reader compares; the others would only cover them.
std::vector<ReportRow> rows_to_draw(const std::vector<ReportRow>& rows, const std::string& scenario) {
  std::vector<ReportRow> drawn;
  for (const ReportRow& row : rows) {
    const bool is_drawn =
        row.policy == "static25" || row.policy == "hpa_q" || row.policy == "ours" || row.policy == "oracle";
    if (row.scenario == scenario && is_drawn) drawn.push_back(row);
  }
  // Ours last: it lies on top, and the demand that is drawn is its demand.
  std::stable_partition(drawn.begin(), drawn.end(), [](const ReportRow& row) { return row.policy != "ours"; });
  return drawn;
}

}  // namespace

int main(int argc, char** argv) {
  poolwright::simulate::SimulationOptions options;
  options.with_traces = argc > 1;
  if (argc > 2) options.scenarios = split(argv[2]);
  if (argc > 3) options.policies = split(argv[3]);
  if (argc > 4) {
    options.seeds.clear();
    for (const std::string& seed : split(argv[4])) options.seeds.push_back(std::stoull(seed));
  }
  const auto report = poolwright::simulate::run_simulation(options);
  if (!report) {
    std::fprintf(stderr, "%s\n", report.error().message.c_str());
    return 1;
  }
  const std::string text = poolwright::simulate::to_text(*report);
  std::fputs(text.c_str(), stdout);
  if (argc < 2) return 0;
  const std::filesystem::path folder = argv[1];
  std::filesystem::create_directories(folder);
  write(folder / "table.txt", text);
  write(folder / "table.csv", poolwright::simulate::to_csv(*report));
  std::string last;
  for (const ReportRow& row : report->rows) {
    if (row.scenario == last) continue;
    last = row.scenario;
    write(folder / (last + ".svg"), poolwright::simulate::plot_svg(rows_to_draw(report->rows, last)));
  }
  return 0;
}

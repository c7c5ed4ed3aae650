#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/output_files.h"
#include "run/record_files.h"
#include "simulate/plot.h"
#include "simulate/replay_report.h"
#include "simulate/run.h"

namespace poolwright::cli {

namespace {

struct SimulateOptions {
  bool list = false;
  simulate::SimulationOptions simulation;
  std::string csv;
  std::string trace;
  std::string plots;
  std::vector<std::string> replay;
};

int failed(const Error& error) {
  const std::string_view name = "simulate: ";
  const bool is_named = error.message.starts_with(name);
  std::cerr << "poolwright " << (is_named ? "" : name) << error.message << "\n";
  return kExitFailed;
}

void list_choices() {
  std::cout << "scenarios:\n";
  for (const simulate::Scenario& scenario : simulate::scenarios()) {
    std::cout << "  " << scenario.name << std::string(12 - std::min<std::size_t>(11, scenario.name.size()), ' ')
              << scenario.summary << "\n";
  }
  std::cout << "policies:\n ";
  for (const std::string& name : simulate::policy_names()) std::cout << " " << name;
  std::cout << "\n";
}

/// One picture a scenario: rows of a scenario stand together in a report.
Status write_plots(const simulate::Report& report, const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return make_error(ErrorKind::kInvalid, folder + ": cannot be made: " + error.message());
  for (auto begin = report.rows.begin(); begin != report.rows.end();) {
    const auto end =
        std::find_if(begin, report.rows.end(), [&](const auto& row) { return row.scenario != begin->scenario; });
    const std::span<const simulate::ReportRow> rows(&*begin, static_cast<std::size_t>(end - begin));
    PW_RETURN_IF_ERROR(write_file(folder + "/" + begin->scenario + ".svg", simulate::plot_svg(rows)));
    begin = end;
  }
  return ok();
}

Status simulate_scenarios(SimulateOptions& options) {
  options.simulation.with_traces = !options.plots.empty() || !options.trace.empty();
  PW_ASSIGN_OR_RETURN(const simulate::Report report, simulate::run_simulation(options.simulation));
  if (!options.csv.empty()) PW_RETURN_IF_ERROR(write_file(options.csv, simulate::to_csv(report)));
  if (!options.trace.empty()) PW_RETURN_IF_ERROR(write_file(options.trace, simulate::trace_csv(report)));
  if (!options.plots.empty()) PW_RETURN_IF_ERROR(write_plots(report, options.plots));
  if (options.csv != "-" && options.trace != "-") std::cout << simulate::to_text(report);
  return ok();
}

/// The next line without its end, and whether it had one; longer ones than a record may be are cut, and so refused.
struct Line {
  std::string text;
  bool is_whole = false;
};
bool read_line(std::istream& stream, Line& line) {
  line = {};
  for (std::istreambuf_iterator<char> it(stream), end; it != end; ++it) {
    if (*it == '\n') {
      ++it;
      line.is_whole = true;
      return true;
    }
    if (line.text.size() <= sizing::kRecordBytesMax) line.text.push_back(*it);
  }
  return !line.text.empty();
}

/// One replay of all files of a log, one after the other.
struct ReplayRun {
  sizing::Replay replay;
  simulate::ReplayReport report;
  std::ostream* csv = nullptr;
};

Status replay_stream(std::istream& log, const std::string& name, ReplayRun& run) {
  Line line;
  for (std::size_t number = 1; read_line(log, line); ++number) {
    const auto moment = run.replay.feed(line.text);
    if (!moment && !line.is_whole) {
      std::cerr << "poolwright simulate: " << name << ": the last line is cut off and was left out\n";
      return ok();
    }
    if (!moment) {
      return make_error(ErrorKind::kInvalid, name + ":" + std::to_string(number) + ": " + moment.error().message);
    }
    run.report.add(*moment);
    if (run.csv == nullptr) continue;
    for (const sizing::ReplayedPool& pool : *moment) *run.csv << sizing::replay_csv_line(pool) << "\n";
  }
  return ok();
}

Status replay_file(const std::string& name, ReplayRun& run) {
  if (name == "-") return replay_stream(std::cin, "<stdin>", run);
  std::ifstream file(name, std::ios::binary);
  if (!file) return make_error(ErrorKind::kNotFound, name + ": cannot be opened; does it exist, may you read it?");
  return replay_stream(file, name, run);
}

/// Folders of `poolwright run --record` stand for their files, oldest first.
Result<std::vector<std::string>> files_of(const std::vector<std::string>& names) {
  std::vector<std::string> files;
  for (const std::string& name : names) {
    std::error_code error;
    if (!std::filesystem::is_directory(name, error)) {
      files.push_back(name);
      continue;
    }
    PW_ASSIGN_OR_RETURN(const auto recorded, run::recorded_files(name));
    std::transform(recorded.begin(), recorded.end(), std::back_inserter(files),
                   [](const std::filesystem::path& file) { return file.string(); });
  }
  return files;
}

Status replay_log(const SimulateOptions& options) {
  PW_ASSIGN_OR_RETURN(const std::vector<std::string> files, files_of(options.replay));
  ReplayRun run;
  std::ofstream csv_file;
  if (!options.csv.empty() && options.csv != "-") {
    csv_file.open(options.csv, std::ios::binary | std::ios::trunc);
    if (!csv_file) return make_error(ErrorKind::kInvalid, options.csv + ": cannot be written");
    run.csv = &csv_file;
  } else if (options.csv == "-") {
    run.csv = &std::cout;
  }
  if (run.csv != nullptr) *run.csv << sizing::replay_csv_header() << "\n";
  for (const std::string& file : files) PW_RETURN_IF_ERROR(replay_file(file, run));
  if (run.csv != nullptr && !run.csv->flush()) {
    return make_error(ErrorKind::kInvalid, options.csv + ": cannot be written");
  }
  if (run.report.empty()) {
    return make_error(ErrorKind::kInvalid,
                      options.replay.front() + ": holds no observation; make one with run --record");
  }
  if (options.csv != "-") std::cout << run.report.to_text();
  return ok();
}

}  // namespace

void add_simulate(CLI::App& app, int& code) {
  static SimulateOptions options;
  CLI::App* command = app.add_subcommand(
      "simulate", "Rehearse the sizing: on simulated load beside other ways to size a pool, or on a recorded log");
  command->add_flag("--list", options.list, "Print the scenarios and policies that there are");
  auto* scenario = command->add_option("--scenario", options.simulation.scenarios,
                                       "Scenario to run; may be repeated (default: all, which takes minutes)");
  auto* policy = command->add_option("--policy", options.simulation.policies,
                                     "Who decides the sizes; may be repeated (default: all that fit the scenario)");
  auto* seed = command->add_option("--seed", options.simulation.seeds, "Seed; may be repeated, the figures are means")
                   ->capture_default_str();
  command->add_option("--csv", options.csv, "File for the figures as CSV (of a replay: every decision); - is stdout");
  auto* trace = command->add_option("--trace", options.trace, "File for every second of the first seed as CSV");
  auto* plots = command->add_option("--plots", options.plots, "Folder for one SVG a scenario: size, demand, waiting");
  command
      ->add_option("--replay", options.replay,
                   "Folder or files of `poolwright run --record`, oldest first: what would be decided; - is stdin")
      ->excludes(scenario)
      ->excludes(policy)
      ->excludes(seed)
      ->excludes(trace)
      ->excludes(plots);
  command->callback([&code] {
    if (options.list) return list_choices();
    const Status done = options.replay.empty() ? simulate_scenarios(options) : replay_log(options);
    code = done ? kExitOk : failed(done.error());
  });
}

}  // namespace poolwright::cli

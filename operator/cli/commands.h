// Commands that bring their own options: each adds itself to the command line and writes its exit code when it ran.
// One function per command, in the file of its name. Thread rule: main thread only.
#pragma once

namespace CLI {
class App;
}

namespace poolwright::cli {

struct RenderOptions;
struct ClusterOptions;

/// status, explain, top, url, psql.
void add_pool_commands(CLI::App& app, int& code);
/// pause, resume, reconnect, rotate.
void add_operation_commands(CLI::App& app, int& code);
void add_completion(CLI::App& app, int& code);
void add_import(CLI::App& app, int& code);
void add_report(CLI::App& app, int& code);
void add_simulate(CLI::App& app, int& code);

/// render --diff.
int render_diff(const RenderOptions& options, const ClusterOptions& cluster);

}  // namespace poolwright::cli

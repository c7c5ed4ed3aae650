// The API server for commands that a person runs: options, connection, and errors that say what to do next.
// Thread rule: main thread only.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "cli/table.h"
#include "kube/client.h"
#include "kube/config.h"
#include "kube/cpprest_transport.h"
#include "kube/waiter.h"

namespace CLI {  // NOLINT(readability-identifier-naming): its own name
class App;
}

namespace poolwright::cli {

struct ClusterOptions {
  std::string kubeconfig;
  std::string context;
  std::string namespace_name;
};
void add_cluster_options(CLI::App& command, ClusterOptions& options);

/// Where the command runs; the same search for all commands.
kube::ConfigSearch config_search(const ClusterOptions& options);

/// Colours and width of stdout: only on a terminal, and not where NO_COLOR is set or TERM is dumb.
Style stdout_style();

class ClusterAccess {
 public:
  static Result<std::unique_ptr<ClusterAccess>> open(const ClusterOptions& options);
  ClusterAccess(const ClusterAccess&) = delete;
  ClusterAccess& operator=(const ClusterAccess&) = delete;

  kube::Client& client() { return client_; }
  const Clock& clock() const { return clock_; }
  Random& random() { return random_; }
  /// The one given, else that of the context, else "default".
  const std::string& namespace_name() const { return namespace_name_; }
  /// For one request or a few.
  CallLimits limits() const;
  /// Waits; for looking again.
  void pause(Duration time);

  /// The ConnectionPool, or an error that says how to find the right name.
  Result<api::Json> pool(const std::string& name);
  /// Of the namespace, or of all.
  Result<std::vector<api::Json>> pools(bool all_namespaces);
  api::ObjectKey pool_key(const std::string& name) const;

 private:
  ClusterAccess(std::unique_ptr<kube::CpprestTransport> transport, std::string namespace_name)
      : transport_(std::move(transport)), namespace_name_(std::move(namespace_name)) {}

  SystemClock clock_;
  SystemRandom random_;
  kube::ThreadWaiter waiter_;
  std::unique_ptr<kube::CpprestTransport> transport_;
  kube::Client client_{{.transport = *transport_, .clock = clock_, .random = random_, .waiter = waiter_}};
  std::string namespace_name_;
};

/// The error with a word on what to do about it.
Error with_next_step(Error error);

/// Writes "poolwright COMMAND: message" to stderr; the exit code.
int report_failure(const std::string& command, const Error& error);

/// JSON for -o json, YAML for -o yaml.
std::string formatted(const api::Json& value, const std::string& format);

}  // namespace poolwright::cli

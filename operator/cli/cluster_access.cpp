#include "cli/cluster_access.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "api/connection_pool.h"
#include "cli/cli.h"
#include "cli/yaml_text.h"

namespace poolwright::cli {

namespace {

constexpr Duration kRequestLimit{15'000};

}  // namespace

void add_cluster_options(CLI::App& command, ClusterOptions& options) {
  command.add_option("--kubeconfig", options.kubeconfig,
                     "Path of a kubeconfig (default: $KUBECONFIG, the pod, ~/.kube/config)");
  command.add_option("--context", options.context, "Context of the kubeconfig");
  command.add_option("-n,--namespace", options.namespace_name, "Namespace (default: the context's)");
}

kube::ConfigSearch config_search(const ClusterOptions& options) {
  return {.path = options.kubeconfig,
          .context = options.context,
          .kubeconfig = environment("KUBECONFIG"),
          .home = environment("HOME"),
          .service_host = environment("KUBERNETES_SERVICE_HOST"),
          .service_port = environment("KUBERNETES_SERVICE_PORT")};
}

Style stdout_style() {
  if (isatty(STDOUT_FILENO) != 1) return {};
  winsize size{};
  const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;  // NOLINT(*-vararg): POSIX
  return {.colours = environment("NO_COLOR").empty() && environment("TERM") != "dumb",
          .width = known ? size.ws_col : std::size_t{0}};
}

Result<std::unique_ptr<ClusterAccess>> ClusterAccess::open(const ClusterOptions& options) {
  kube::prepare_process();
  PW_ASSIGN_OR_RETURN(const kube::ClusterConfig cluster, kube::find_cluster(config_search(options)));
  static const SystemClock kClock;
  PW_ASSIGN_OR_RETURN(auto transport, kube::CpprestTransport::make(cluster, kClock));
  std::string name = options.namespace_name.empty() ? cluster.namespace_name : options.namespace_name;
  if (name.empty()) name = "default";
  return std::unique_ptr<ClusterAccess>(new ClusterAccess(std::move(transport), std::move(name)));
}

CallLimits ClusterAccess::limits() const { return {.deadline = Deadline(clock_, kRequestLimit), .stop = {}}; }

void ClusterAccess::pause(Duration time) { waiter_.wait(time, {}); }

api::ObjectKey ClusterAccess::pool_key(const std::string& name) const {
  return {.api_version = api::kApiVersion, .kind = api::kKind, .namespace_name = namespace_name_, .name = name};
}

Result<api::Json> ClusterAccess::pool(const std::string& name) {
  auto pool = client_.get(pool_key(name), limits());
  if (pool) return pool;
  Error error = std::move(pool).error();
  if (error.kind != ErrorKind::kNotFound) return with_next_step(std::move(error));
  return make_error(ErrorKind::kNotFound, "there is no ConnectionPool " + name + " in namespace " + namespace_name_ +
                                              "; `poolwright status -A` lists all that there are");
}

Result<std::vector<api::Json>> ClusterAccess::pools(bool all_namespaces) {
  auto pools = client_.list({.api_version = api::kApiVersion,
                             .kind = api::kKind,
                             .namespace_name = all_namespaces ? std::string() : namespace_name_},
                            limits());
  if (pools) return pools;
  Error error = std::move(pools).error();
  if (error.kind != ErrorKind::kNotFound) return with_next_step(std::move(error));
  return make_error(ErrorKind::kNotFound,
                    "the cluster has no ConnectionPools; install them: kubectl apply --server-side -f crds/");
}

Error with_next_step(Error error) {
  switch (error.kind) {
    case ErrorKind::kForbidden:
      error.message += "; ask for that right, `kubectl auth can-i --list` shows those you have";
      break;
    case ErrorKind::kUnauthorized:
      error.message += "; log in again, or choose another --context";
      break;
    case ErrorKind::kUnavailable:
    case ErrorKind::kDeadlineExceeded:
      error.message += "; is the API server reachable? `kubectl version` asks it";
      break;
    case ErrorKind::kConflict:
      error.message += "; somebody else changed it at the same time, try again";
      break;
    default:
      break;
  }
  return error;
}

int report_failure(const std::string& command, const Error& error) {
  std::cerr << "poolwright " << command << ": " << error.message << "\n";
  return kExitFailed;
}

std::string formatted(const api::Json& value, const std::string& format) {
  return format == "json" ? value.dump(2) + "\n" : yaml_text(value);
}

}  // namespace poolwright::cli

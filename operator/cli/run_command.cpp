#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <utility>

#include "base/log.h"
#include "cli/cli.h"
#include "cli/run_shared.h"
#include "cli/run_to_end.h"
#include "kube/config.h"
#include "kube/cpprest_transport.h"
#include "run/operator_process.h"

namespace poolwright::cli {

namespace {

void set_up_log(const RunOptions& options) {
  const bool terminal = isatty(STDERR_FILENO) == 1;
  const bool text = options.log_format == "text" || (options.log_format == "auto" && terminal);
  log_setup({.level = LogLevel::kInfo, .format = text ? LogFormat::kText : LogFormat::kJson});
  log_set_level(options.log_level);
}

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "poolwright";
}

Result<run::RunSettings> make_settings(const RunOptions& options, Random& random) {
  run::RunSettings settings;
  PW_ASSIGN_OR_RETURN(settings.cluster, kube::find_cluster({.path = options.kubeconfig,
                                                            .context = options.context,
                                                            .kubeconfig = environment("KUBECONFIG"),
                                                            .home = environment("HOME"),
                                                            .service_host = environment("KUBERNETES_SERVICE_HOST"),
                                                            .service_port = environment("KUBERNETES_SERVICE_PORT")}));
  settings.scope = {.namespaces = options.namespaces, .watch_secrets = options.secrets == "watch"};
  settings.reconciler.decide.image_repository = options.image_repository;
  settings.reconciler.validation.allow_loopback_hosts = options.allow_loopback_hosts;
  settings.leader_election = options.leader_election;
  const std::string pod = environment("POD_NAME");
  settings.instance = pod.empty() ? host_name() : pod;
  settings.lease.identity = settings.instance + "_" + random_alphanumeric(random, 8);
  const std::string own = environment("POD_NAMESPACE");
  settings.lease.namespace_name = !options.lease_namespace.empty()           ? options.lease_namespace
                                  : !own.empty()                             ? own
                                  : !settings.cluster.namespace_name.empty() ? settings.cluster.namespace_name
                                                                             : "default";
  settings.workers = options.workers;
  const std::string& home = settings.lease.namespace_name;
  settings.web =
      web_settings(options, {settings.instance, "poolwright", "poolwright." + home, "poolwright." + home + ".svc"});
  settings.record = record_settings(options);
  settings.version = program_version();
  return settings;
}

}  // namespace

run::WebSettings web_settings(const RunOptions& options, std::vector<std::string> server_names) {
  run::WebSettings web{.is_on = options.web, .token_file = options.web_token_file};
  web.server.address = !options.web_address.empty()   ? options.web_address
                       : options.local.folder.empty() ? "0.0.0.0"
                                                      : "127.0.0.1";
  web.server.port = static_cast<std::uint16_t>(options.web_port);
  web.server.tls = options.web_tls == "off"     ? serve::TlsSource::kOff
                   : options.web_tls == "files" ? serve::TlsSource::kFiles
                                                : serve::TlsSource::kSelfSigned;
  web.server.files = {.chain_path = options.web_certificate, .key_path = options.web_key};
  web.server.server_names = std::move(server_names);
  return web;
}

run::RecordSettings record_settings(const RunOptions& options) {
  run::RecordSettings record;
  if (!options.record.empty()) record.folder = std::filesystem::absolute(options.record);
  record.file_bytes_max = static_cast<std::size_t>(options.record_file_mib) << 20U;
  record.files_max = static_cast<std::size_t>(options.record_files);
  return record;
}

int run(const RunOptions& options) {
  block_end_signals();
  set_up_log(options);
  if (!options.local.folder.empty()) return run_local(options);
  kube::prepare_process();
  SystemClock clock;
  SystemRandom random;
  auto settings = make_settings(options, random);
  if (!settings) {
    std::cerr << "poolwright run: " << settings.error().message << "\n";
    return kExitFailed;
  }
  return run_to_end("poolwright run",
                    run::OperatorProcess::make(*std::move(settings), {.clock = clock, .random = random}));
}

}  // namespace poolwright::cli

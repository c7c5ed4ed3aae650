#include "cli/cli.h"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>

#include "cli/cluster_access.h"
#include "cli/commands.h"
#include "cli/version.h"

namespace poolwright::cli {

namespace {

constexpr const char* kFilesHelp = "File, folder, or - for stdin; may be given several times";
constexpr const char* kLoopbackHelp = "Accept PostgreSQL on a loopback address (for tests and local use)";

void add_files(CLI::App& command, FileOptions& options) {
  command.add_option("-f,--file", options.paths, kFilesHelp)->required();
  command.add_flag("--allow-loopback-hosts", options.allow_loopback_hosts, kLoopbackHelp);
}

void add_web(CLI::App& command, RunOptions& options) {
  command.add_flag("!--no-web", options.web, "Without REST API, /metrics, probes and page");
  command.add_option("--web-address", options.web_address,
                     "IP address to listen on (default: 0.0.0.0; with --local 127.0.0.1)");
  command.add_option("--web-port", options.web_port, "Port to listen on; 0: any free one, which the log names")
      ->check(CLI::Range(0, 65535))
      ->capture_default_str();
  command
      .add_option("--web-tls", options.web_tls,
                  "self-signed: a certificate made at the start; files: --web-certificate and --web-key, read again "
                  "when they change; off")
      ->check(CLI::IsMember({"self-signed", "files", "off"}))
      ->capture_default_str();
  CLI::Option* certificate =
      command.add_option("--web-certificate", options.web_certificate, "tls.crt, with its chain");
  command.add_option("--web-key", options.web_key, "tls.key")->needs(certificate);
  command.add_option("--web-token-file", options.web_token_file,
                     "File with the one token that may read everything (default: the API server is asked; with --local "
                     "one is made in OUT/web-token)");
}

void add_record(CLI::App& command, RunOptions& options) {
  auto* folder = command.add_option("--record", options.record,
                                    "Folder to record the observations behind the sizes in, for simulate --replay");
  command.add_option("--record-file-mib", options.record_file_mib, "Largest of its files, in MiB")
      ->needs(folder)
      ->check(CLI::Range(4, 4096))
      ->capture_default_str();
  command.add_option("--record-files", options.record_files, "Files that are kept; the oldest goes first")
      ->needs(folder)
      ->check(CLI::Range(2, 10'000))
      ->capture_default_str();
}

void add_local(CLI::App& command, LocalOptions& options) {
  const char* group = "Without a cluster";
  auto* folder = command.add_option("--local", options.folder,
                                    "Directory of ConnectionPool and Secret files to run instead of an API server");
  folder->group(group);
  const auto add = [&](const char* name, auto& value, const char* help) {
    return command.add_option(name, value, help)->needs(folder)->group(group);
  };
  add("--out", options.out, "Folder for what is written (default: .poolwright in the directory)");
  add("--listen", options.listen, "Address that the PgBouncers listen on, or * for all")->capture_default_str();
  add("--url-host", options.url_host, "Host of the pools in URLs (default: the address that they listen on)");
  add("--first-port", options.first_port, "Port of the first pool; each further one gets the next")
      ->check(CLI::Range(1024, 65535))
      ->capture_default_str();
  add("--pgbouncer", options.programs,
      "PgBouncer to run; repeat it for several versions (default: of the search path)");
  add("--pgbouncer-user", options.user,
      "Who PgBouncer runs as where poolwright is root (default: pgbouncer, postgres or nobody)");
  add("--pgbouncer-log", options.pgbouncer_log,
      "Where PgBouncer's own log goes: a file beside its configuration, or stderr")
      ->check(CLI::IsMember({"file", "stderr"}))
      ->capture_default_str();
  add("--env-group", options.env_group, "Group that may read the .env files (default: only their owner may)");
  add("--attach", options.attached, "POOL=HOST:PORT: use a PgBouncer that runs already on the files in OUT/POOL");
}

void add_run(CLI::App& app, int& code) {
  static RunOptions options;
  CLI::App* command = app.add_subcommand("run", "Watch ConnectionPools and keep them right");
  command->add_option("--kubeconfig", options.kubeconfig,
                      "Path of a kubeconfig (default: $KUBECONFIG, the pod, ~/.kube/config)");
  command->add_option("--context", options.context, "Context of the kubeconfig");
  command->add_option("-n,--namespace", options.namespaces, "Namespace to look after; may be repeated (default: all)");
  command
      ->add_option("--secrets", options.secrets,
                   "How changes of Secrets are noticed: watch their metadata, or poll by name")
      ->check(CLI::IsMember({"watch", "poll"}))
      ->capture_default_str();
  command->add_flag("!--no-leader-election", options.leader_election,
                    "Work without a Lease; only where one operator runs");
  command->add_option("--lease-namespace", options.lease_namespace,
                      "Namespace of the Lease (default: the operator's own)");
  command
      ->add_option("--pgbouncer-image", options.image_repository,
                   "Image repository of PgBouncer; the tag is the version")
      ->capture_default_str();
  command->add_option("--workers", options.workers, "Pools reconciled at the same time")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  command->add_flag("--allow-loopback-hosts", options.allow_loopback_hosts, kLoopbackHelp);
  add_web(*command, options);
  add_record(*command, options);
  command->add_option("--log-level", options.log_level, "debug, info, warning or error")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}))
      ->capture_default_str();
  command->add_option("--log-format", options.log_format, "text, json, or auto: text on a terminal")
      ->check(CLI::IsMember({"auto", "text", "json"}))
      ->capture_default_str();
  add_local(*command, options.local);
  command->callback([&code] { code = run(options); });
}

void add_render(CLI::App& app, int& code) {
  static RenderOptions options;
  CLI::App* command = app.add_subcommand("render", "Print all objects that a pool becomes, as YAML");
  add_files(*command, options.files);
  command->add_flag("--show-secrets", options.show_secrets, "Print Secret values instead of masking them");
  command
      ->add_option("--pgbouncer-image", options.image_repository,
                   "Image repository of PgBouncer; the tag is the version")
      ->capture_default_str();
  static bool diff = false;
  static ClusterOptions cluster;
  command->add_flag("--diff", diff, "Only what would change in the cluster; exit code 3 if anything would");
  add_cluster_options(*command, cluster);
  command->callback([&code] { code = diff ? render_diff(options, cluster) : render(options); });
}

void add_validate(CLI::App& app, int& code) {
  static FileOptions options;
  CLI::App* command =
      app.add_subcommand("validate", "Check ConnectionPool files: one line per error, exit 1 if there is any");
  add_files(*command, options);
  command->callback([&code] { code = validate(options); });
}

void add_inspect(CLI::App& app, int& code) {
  static InspectUrlOptions options;
  CLI::App* command = app.add_subcommand("inspect", "Say what a connection URL means, and what is wrong with it");
  command
      ->add_option("url", options.url,
                   "The URL, or - to read it from stdin (a URL on the command line can be seen by others)")
      ->required();
  command->add_option("--client", options.client, "Who reads it")
      ->check(CLI::IsMember({"prisma6", "prisma7", "node-postgres", "libpq", "pgx", "asyncpg"}))
      ->capture_default_str();
  command->add_flag("--migrations", options.for_migrations, "The URL is meant for migrations");
  command->add_option("--instances", options.instances, "Instances of the application")->check(CLI::Range(1, 100'000));
  command->add_option("--pool-clients", options.pool_clients, "Clients that the pool admits")
      ->check(CLI::Range(1, 1'000'000));
  command->callback([&code] { code = inspect(options); });
}

void add_version(CLI::App& app, int& code) {
  CLI::App* command = app.add_subcommand("version", "Print the version");
  command->callback([&code] {
    std::cout << "poolwright " << program_version() << "\n";
    code = kExitOk;
  });
}

}  // namespace

std::string program_version() { return kProgramVersion; }

std::string environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): main thread, nobody changes it later
  return value == nullptr ? std::string() : std::string(value);
}

/// kubectl runs a program of the name kubectl-poolwright as `kubectl poolwright`.
std::string program_name(const std::string& path) {
  const std::string file = path.substr(path.rfind('/') + 1);
  return file.starts_with("kubectl-") ? "kubectl poolwright" : "poolwright";
}

int run_command_line(int argc, char** argv) {
  CLI::App app("PostgreSQL connection pools on Kubernetes, from one resource, kept right.", program_name(argv[0]));
  app.require_subcommand(1);
  app.set_version_flag("--version", "poolwright " + program_version());
  int code = kExitOk;
  add_run(app, code);
  add_render(app, code);
  add_validate(app, code);
  add_inspect(app, code);
  add_simulate(app, code);
  add_import(app, code);
  add_pool_commands(app, code);
  add_operation_commands(app, code);
  add_report(app, code);
  add_completion(app, code);
  add_version(app, code);
  app.failure_message(CLI::FailureMessage::simple);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  return code;
}

}  // namespace poolwright::cli

// The command line: one function per command, in the file of its name. Results go to stdout, everything else to stderr.
// Exit codes: 0 success, 1 the input or the operation failed, 2 the command line itself is wrong, 3 `render --diff`
// found a difference.
// Thread rule: main thread only.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace poolwright::cli {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitDiffers = 3;

int run_command_line(int argc, char** argv);

/// Version of the program, as in the VERSION file.
std::string program_version();
/// Value of an environment variable, or "".
std::string environment(const char* name);

/// `run --local`: a directory instead of an API server.
struct LocalOptions {
  std::string folder;  // empty: not local
  std::string out;
  std::string listen = "127.0.0.1";
  std::string url_host;
  int first_port = 6432;
  std::vector<std::string> programs;
  std::string user;
  std::string env_group;
  std::string pgbouncer_log = "file";
  std::vector<std::string> attached;
};
struct RunOptions {
  std::string kubeconfig;
  std::string context;
  std::vector<std::string> namespaces;
  std::string secrets = "watch";
  bool leader_election = true;
  std::string lease_namespace;
  std::string image_repository = "poolwright/pgbouncer";
  int workers = 4;
  bool allow_loopback_hosts = false;
  bool web = true;
  std::string web_address;  // "": all in a cluster, loopback without one
  int web_port = 8443;
  std::string web_tls = "self-signed";  // files, off
  std::string web_certificate;
  std::string web_key;
  std::string web_token_file;
  std::string record;  // folder; empty: nothing is recorded
  int record_file_mib = 64;
  int record_files = 8;
  std::string log_level = "info";
  std::string log_format = "auto";
  LocalOptions local;
};
int run(const RunOptions& options);
/// Logging and signals are set up already.
int run_local(const RunOptions& options);

struct FileOptions {
  std::vector<std::string> paths;  // files, folders (their *.yaml, *.yml and *.json), or "-" for stdin
  bool allow_loopback_hosts = false;
};

struct RenderOptions {
  FileOptions files;
  bool show_secrets = false;
  std::string image_repository = "poolwright/pgbouncer";
};
int render(const RenderOptions& options);
int validate(const FileOptions& options);

struct InspectUrlOptions {
  std::string url;  // "-" reads it from stdin, so that it does not show in the process list
  std::string client = "prisma6";
  bool for_migrations = false;
  std::optional<int> instances;
  std::optional<int> pool_clients;
};
int inspect(const InspectUrlOptions& options);

}  // namespace poolwright::cli

#include <arpa/inet.h>
#include <grp.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <iostream>

#include "api/text.h"
#include "base/log.h"
#include "cli/cli.h"
#include "cli/run_shared.h"
#include "cli/run_to_end.h"
#include "local/files.h"
#include "local/port_book.h"
#include "local/program.h"
#include "run/local_process.h"

namespace poolwright::cli {

namespace {

namespace fs = std::filesystem;

Error invalid(const std::string& message) { return make_error(ErrorKind::kInvalid, message); }

bool is_numeric_address(const std::string& text) {
  std::array<unsigned char, sizeof(in6_addr)> space{};
  return inet_pton(AF_INET, text.c_str(), space.data()) == 1 || inet_pton(AF_INET6, text.c_str(), space.data()) == 1;
}

/// "orders=pooler:6432".
Status add_attached(const std::string& text, local::NodeSettings& node) {
  const std::size_t equals = text.find('=');
  const std::size_t colon = text.rfind(':');
  const bool is_whole = equals != std::string::npos && equals > 0 && colon != std::string::npos && colon > equals + 1;
  const auto port = is_whole ? local::parse_port(text.substr(colon + 1)) : std::nullopt;
  if (!port) return invalid("--attach must be POOL=HOST:PORT with a port from 1024 to 65535, got \"" + text + "\"");
  std::string host = text.substr(equals + 1, colon - equals - 1);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  node.attached[text.substr(0, equals)] = {.host = std::move(host), .port = *port};
  return ok();
}

Status add_env_group(const std::string& text, local::NodeSettings& node) {
  if (text.empty()) return ok();
  if (const group* found = getgrnam(text.c_str())) {  // NOLINT(concurrency-mt-unsafe): before any thread starts
    node.env_group = found->gr_gid;
    return ok();
  }
  const bool is_number = text.find_first_not_of("0123456789") == std::string::npos && text.size() <= 9;
  if (!is_number) return invalid("--env-group must be a group of this machine or its number, got \"" + text + "\"");
  node.env_group = static_cast<gid_t>(std::stoul(text));
  return ok();
}

Result<run::LocalSettings> make_settings(const LocalOptions& options) {
  run::LocalSettings settings{.folder = fs::absolute(options.folder)};
  std::error_code error;
  if (!fs::is_directory(settings.folder, error)) {
    return make_error(ErrorKind::kNotFound,
                      options.folder + ": is no directory; make it and put ConnectionPool files in");
  }
  local::NodeSettings& node = settings.node;
  node.out = options.out.empty() ? settings.folder / ".poolwright" : fs::absolute(options.out);
  if (node.out == settings.folder) return invalid("--out must be another folder than --local");
  if (options.listen != "*" && !is_numeric_address(options.listen)) {
    return invalid("--listen must be an IPv4 or IPv6 address or *, got \"" + options.listen + "\"");
  }
  node.listen_address = options.listen;
  node.url_host = options.url_host;
  node.first_port = static_cast<std::uint16_t>(options.first_port);
  node.log_to_stderr = options.pgbouncer_log == "stderr";
  for (const std::string& text : options.attached) PW_RETURN_IF_ERROR(add_attached(text, node));
  PW_RETURN_IF_ERROR(add_env_group(options.env_group, node));
  auto programs = local::find_programs(options.programs, environment("PATH"));
  // Who attaches all pools needs no program here.
  if (!programs && (node.attached.empty() || !options.programs.empty())) return programs.error();
  if (!programs) return settings;
  node.programs = *std::move(programs);
  PW_ASSIGN_OR_RETURN(node.run_as, local::find_run_as(options.user));
  return settings;
}

}  // namespace

int run_local(const RunOptions& all) {
  const LocalOptions& options = all.local;
  SystemClock clock;
  SystemRandom random;
  auto settings = make_settings(options);
  if (!settings) {
    std::cerr << "poolwright run --local: " << settings.error().message << "\n";
    return kExitFailed;
  }
  settings->web = web_settings(all, {"localhost", "poolwright"});
  settings->record = record_settings(all);
  settings->version = program_version();
  return run_to_end("poolwright run --local",
                    run::LocalProcess::make(*std::move(settings), {.clock = clock, .random = random}));
}

}  // namespace poolwright::cli

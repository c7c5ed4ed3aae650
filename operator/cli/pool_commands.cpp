// Commands that look at pools of the cluster: status, explain, top, url, psql.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <iostream>
#include <system_error>

#include "base/digest.h"
#include "cli/cli.h"
#include "cli/cluster_access.h"
#include "cli/commands.h"
#include "cli/pool_view.h"
#include "render/render.h"

namespace poolwright::cli {

namespace {

using api::Json;

struct PoolOptions {
  ClusterOptions cluster;
  std::string name;
  std::string database;
  bool all_namespaces = false;
  std::string format = "text";
  int watch_seconds = 0;
};

void add_format(CLI::App& command, PoolOptions& options) {
  command.add_option("-o,--output", options.format, "text, json or yaml")
      ->check(CLI::IsMember({"text", "json", "yaml"}))
      ->capture_default_str();
}

void add_all_namespaces(CLI::App& command, PoolOptions& options) {
  command.add_flag("-A,--all-namespaces", options.all_namespaces, "Pools of all namespaces");
}

/// Runs `body` with the cluster; its errors go to stderr with what to do next.
template <typename Body>
int with_cluster(const std::string& command, const ClusterOptions& options, Body body) {
  auto access = ClusterAccess::open(options);
  if (!access) return report_failure(command, access.error());
  const Status done = body(**access);
  return done ? kExitOk : report_failure(command, with_next_step(done.error()));
}

Json list_of(const std::vector<Json>& pools) {
  Json items = Json::array();
  for (const Json& pool : pools) items.push_back(without_noise(pool));
  return {{"apiVersion", "v1"}, {"kind", "List"}, {"items", std::move(items)}};
}

Status show_status(ClusterAccess& access, const PoolOptions& options) {
  const WallTime now = access.clock().wall_now();
  if (options.name.empty()) {
    PW_ASSIGN_OR_RETURN(const auto pools, access.pools(options.all_namespaces));
    if (options.format != "text") {
      std::cout << formatted(list_of(pools), options.format);
    } else if (pools.empty()) {
      std::cerr << "no ConnectionPools in " << (options.all_namespaces ? "the cluster" : access.namespace_name())
                << "\n";
    } else {
      std::cout << pools_text(pools, now, stdout_style());
    }
    return ok();
  }
  PW_ASSIGN_OR_RETURN(const Json pool, access.pool(options.name));
  std::cout << (options.format == "text" ? pool_text(pool, now, stdout_style())
                                         : formatted(without_noise(pool), options.format));
  return ok();
}

Status show_explanation(ClusterAccess& access, const PoolOptions& options) {
  PW_ASSIGN_OR_RETURN(const Json pool, access.pool(options.name));
  const Json answer = explain_json(pool, options.database);
  if (answer.empty()) {
    return make_error(ErrorKind::kNotFound, options.database.empty()
                                                ? "the operator has not written a status yet; is it running?"
                                                : "the pool has no database " + options.database +
                                                      "; `poolwright status " + options.name + "` lists them");
  }
  std::cout << (options.format == "text" ? explain_text(pool, options.database, stdout_style())
                                         : formatted(answer, options.format));
  return ok();
}

Status show_top(ClusterAccess& access, const PoolOptions& options) {
  while (true) {
    PW_ASSIGN_OR_RETURN(const auto pools, access.pools(options.all_namespaces));
    const Style style = stdout_style();
    // A terminal shows one table in place; a file gets one after the other.
    if (options.watch_seconds > 0 && isatty(STDOUT_FILENO) == 1) std::cout << "\x1b[H\x1b[2J";
    std::cout << (options.format == "text" ? top_text(pools, style) : formatted(top_json(pools), options.format))
              << std::flush;
    if (options.watch_seconds <= 0) return ok();
    access.pause(std::chrono::seconds{options.watch_seconds});
  }
}

/// The URL Secret of a database: the one asked for, or the only one.
Result<Json> url_secret(ClusterAccess& access, const std::string& pool_name, const std::string& database) {
  PW_ASSIGN_OR_RETURN(const Json pool, access.pool(pool_name));
  std::string names;
  std::string secret;
  int matches = 0;
  for (const Json& entry : pool.value(Json::json_pointer("/status/databases"), Json::array())) {
    const std::string name = entry.value("name", "");
    names += (names.empty() ? "" : ", ") + name;
    if (!database.empty() && name != database) continue;
    secret = entry.value("secretName", "");
    ++matches;
  }
  if (names.empty()) {
    return make_error(ErrorKind::kNotFound, "the operator has not made the Secrets of " + pool_name +
                                                " yet; see `poolwright status " + pool_name + "`");
  }
  if (matches != 1 || secret.empty()) {
    return make_error(ErrorKind::kInvalid, "name one of the databases of " + pool_name + ": " + names);
  }
  auto found = access.client().get(
      {.api_version = "v1", .kind = "Secret", .namespace_name = access.namespace_name(), .name = secret},
      access.limits());
  if (!found) return with_next_step(std::move(found).error());
  return found;
}

struct UrlOptions : PoolOptions {
  std::string key = "DATABASE_URL";
  bool reveal = false;
};

std::map<std::string, std::string> values_of(const Json& secret, bool reveal) {
  std::map<std::string, std::string> values;
  if (reveal) {
    const Json data = secret.value("data", Json::object());
    for (const auto& entry : data.items()) {
      if (auto text = base64_decode(entry.value().get<std::string>())) values[entry.key()] = *std::move(text);
    }
    return values;
  }
  const Json masked = render::masked(secret);
  for (const auto& entry : masked.at("stringData").items()) values[entry.key()] = entry.value().get<std::string>();
  return values;
}

Status show_url(ClusterAccess& access, const UrlOptions& options) {
  PW_ASSIGN_OR_RETURN(const Json secret, url_secret(access, options.name, options.database));
  const auto values = values_of(secret, options.reveal);
  const auto found = values.find(options.key);
  if (found == values.end()) {
    std::string keys;
    for (const auto& [key, value] : values) keys += (keys.empty() ? "" : ", ") + key;
    return make_error(ErrorKind::kInvalid, "there is no key " + options.key + "; there are " + keys);
  }
  std::cout << found->second << "\n";
  if (!options.reveal) std::cerr << "the password is masked; --reveal prints it\n";
  return ok();
}

struct PsqlOptions : PoolOptions {
  bool direct = false;
  std::string address;
  std::vector<std::string> arguments;
};

Status set_variable(const char* name, const std::string& value) {
  if (setenv(name, value.c_str(), 1) == 0) return ok();  // NOLINT(concurrency-mt-unsafe): nothing else runs any more
  return make_error(ErrorKind::kInternal, std::string("cannot set ") + name);
}

/// By the environment: what stands in an argument list can be read by everybody on the machine.
Status become_psql(ClusterAccess& access, const PsqlOptions& options) {
  PW_ASSIGN_OR_RETURN(const Json secret, url_secret(access, options.name, options.database));
  const auto values = values_of(secret, true);
  const auto value = [&](const char* key) {
    const auto found = values.find(key);
    return found == values.end() ? std::string() : found->second;
  };
  std::string host = value(options.direct ? "host" : "pgbouncer-host");
  std::string port = value(options.direct ? "port" : "pgbouncer-port");
  if (const std::size_t colon = options.address.rfind(':'); colon != std::string::npos) {
    host = options.address.substr(0, colon);
    port = options.address.substr(colon + 1);
  }
  PW_RETURN_IF_ERROR(set_variable("PGHOST", host));
  PW_RETURN_IF_ERROR(set_variable("PGPORT", port));
  PW_RETURN_IF_ERROR(set_variable("PGDATABASE", value(options.direct ? "dbname" : "pgbouncer-dbname")));
  PW_RETURN_IF_ERROR(set_variable("PGUSER", value("username")));
  PW_RETURN_IF_ERROR(set_variable("PGPASSWORD", value("password")));
  std::vector<std::string> words = {"psql"};
  words.insert(words.end(), options.arguments.begin(), options.arguments.end());
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::cout.flush();
  execvp("psql", argv.data());
  return make_error(ErrorKind::kNotFound, "psql cannot be started (" + std::generic_category().message(errno) +
                                              "); install the PostgreSQL client");
}

void add_pool_name(CLI::App& command, PoolOptions& options) {
  command.add_option("name", options.name, "Name of the ConnectionPool")->required();
}

void add_url(CLI::App& app, int& code) {
  static UrlOptions options;
  CLI::App* command = app.add_subcommand("url", "Print the connection URL of a database, its password masked");
  add_cluster_options(*command, options.cluster);
  add_pool_name(*command, options);
  command->add_option("database", options.database, "Database (default: the only one)");
  command->add_option("--key", options.key, "Key of the URL Secret: DATABASE_URL, DIRECT_URL, uri, jdbc-uri, ...")
      ->capture_default_str();
  command->add_flag("--reveal", options.reveal, "Print the password");
  command->callback([&code] {
    code = with_cluster("url", options.cluster, [](ClusterAccess& access) { return show_url(access, options); });
  });
}

void add_psql(CLI::App& app, int& code) {
  static PsqlOptions options;
  CLI::App* command = app.add_subcommand("psql", "Open psql through the pool; arguments after -- go to psql");
  add_cluster_options(*command, options.cluster);
  add_pool_name(*command, options);
  command->add_option("-d,--database", options.database, "Database (default: the only one)");
  command->add_flag("--direct", options.direct, "Past the pool, to PostgreSQL itself");
  command
      ->add_option("--address", options.address,
                   "HOST:PORT where the pool is reached from here, such as of `kubectl port-forward`")
      ->check([](const std::string& text) {
        return text.find(':') == std::string::npos ? std::string("must be HOST:PORT") : std::string();
      });
  command->add_option("arguments", options.arguments, "For psql");
  command->callback([&code] {
    code = with_cluster("psql", options.cluster, [](ClusterAccess& access) { return become_psql(access, options); });
  });
}

}  // namespace

void add_pool_commands(CLI::App& app, int& code) {
  static PoolOptions status;
  CLI::App* command = app.add_subcommand("status", "Show pools of the cluster, or everything about one");
  add_cluster_options(*command, status.cluster);
  command->add_option("name", status.name, "Name of the ConnectionPool (default: all, a line each)");
  add_all_namespaces(*command, status);
  add_format(*command, status);
  command->callback([&code] {
    code = with_cluster("status", status.cluster, [](ClusterAccess& access) { return show_status(access, status); });
  });

  static PoolOptions explain;
  command = app.add_subcommand("explain", "Say why databases have the size they have, and what would change it");
  add_cluster_options(*command, explain.cluster);
  add_pool_name(*command, explain);
  command->add_option("database", explain.database, "Database (default: all)");
  add_format(*command, explain);
  command->callback([&code] {
    code = with_cluster("explain", explain.cluster,
                        [](ClusterAccess& access) { return show_explanation(access, explain); });
  });

  static PoolOptions top;
  command = app.add_subcommand("top", "Databases by load: waiting clients first, then utilization");
  add_cluster_options(*command, top.cluster);
  add_all_namespaces(*command, top);
  add_format(*command, top);
  command->add_option("-w,--watch", top.watch_seconds, "Look again every so many seconds")->check(CLI::Range(1, 3600));
  command->callback([&code] {
    code = with_cluster("top", top.cluster, [](ClusterAccess& access) { return show_top(access, top); });
  });
  add_url(app, code);
  add_psql(app, code);
}

}  // namespace poolwright::cli

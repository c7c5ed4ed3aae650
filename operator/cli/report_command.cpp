// report: what support needs to know about pools, in one archive, without any secret value.
#include <CLI/CLI.hpp>
#include <iostream>
#include <set>

#include "api/connection_pool.h"
#include "base/digest.h"
#include "cli/archive.h"
#include "cli/cli.h"
#include "cli/cluster_access.h"
#include "cli/commands.h"
#include "cli/output_files.h"
#include "cli/pool_view.h"
#include "cli/yaml_text.h"
#include "render/names.h"

namespace poolwright::cli {

namespace {

using api::Json;

constexpr std::size_t kObjectsMax = 2000;
/// Shorter values are words such as "true" or "5432", which other texts have, too.
constexpr std::size_t kScrubbedBytesMin = 6;

struct ReportOptions {
  ClusterOptions cluster;
  std::vector<std::string> names;
  std::string output;
};

/// Names and sizes of the keys of a Secret, nothing of its values.
Json described_secret(const Json& secret) {
  Json described = without_noise(secret);
  const Json data = secret.value("data", Json::object());
  described.erase("data");
  described.erase("stringData");
  Json keys = Json::object();
  for (const auto& entry : data.items()) {
    const auto text = entry.value().is_string() ? base64_decode(entry.value().get<std::string>()) : std::nullopt;
    keys[entry.key()] = std::to_string(text ? text->size() : 0) + " bytes";
  }
  described["keys"] = std::move(keys);
  // The hash covers the values: a weak one could be found by trying.
  described["metadata"].erase("annotations");
  return described;
}

class Collector {
 public:
  explicit Collector(ClusterAccess& access) : access_(access) {}

  Status add_pool(const Json& pool) {
    const std::string name = api::metadata_string(pool, "name");
    add(name + "/connectionpool.yaml", without_noise(pool));
    add_children(name);
    add_secrets(pool, name);
    return ok();
  }

  void add_events() {
    std::vector<Json> ours;
    for (Json& event : list("v1", "Event", "")) {
      const std::string object = event.value(Json::json_pointer("/involvedObject/name"), "");
      const bool concerns = std::any_of(names_.begin(), names_.end(), [&](const std::string& name) {
        return object == name || object.starts_with(name + "-");
      });
      if (concerns) ours.push_back(without_noise(std::move(event)));
    }
    add("events.yaml", Json{{"items", ours}});
  }

  void add_text(std::string name, std::string text) { files_.push_back({std::move(name), std::move(text)}); }

  /// Every value of a Secret that was seen is taken out of every text, wherever it may have got to.
  std::vector<ArchiveFile> redacted() const {
    std::vector<ArchiveFile> files = files_;
    for (ArchiveFile& file : files) {
      for (const std::string& value : values_) {
        for (std::size_t at = 0; (at = file.text.find(value, at)) != std::string::npos; at += 10) {
          file.text.replace(at, value.size(), "(redacted)");
        }
      }
    }
    return files;
  }

 private:
  std::vector<Json> list(const char* version, const char* kind, const std::string& selector) {
    auto objects = access_.client().list(
        {.api_version = version, .kind = kind, .namespace_name = access_.namespace_name(), .label_selector = selector},
        access_.limits());
    if (!objects) {
      problems += std::string(kind) + ": " + objects.error().message + "\n";
      return {};
    }
    if (objects->size() > kObjectsMax) objects->resize(kObjectsMax);
    return *std::move(objects);
  }

  void add_children(const std::string& name) {
    const std::string selector = std::string(render::kPoolLabel) + "=" + render::pool_label(name);
    const std::vector<std::pair<const char*, const char*>> kinds = {
        {"v1", "ConfigMap"},       {"v1", "Service"},         {"v1", "Pod"},
        {"apps/v1", "Deployment"}, {"apps/v1", "ReplicaSet"}, {"policy/v1", "PodDisruptionBudget"}};
    for (const auto& [version, kind] : kinds) {
      Json items = Json::array();
      for (Json& object : list(version, kind, selector)) items.push_back(without_noise(std::move(object)));
      add(name + "/" + kind + ".yaml", Json{{"items", std::move(items)}});
    }
  }

  void add_secrets(const Json& pool, const std::string& name) {
    std::set<std::string> wanted = {render::userlist_secret_name(name), render::console_secret_name(name)};
    for (const Json& database : pool.value(Json::json_pointer("/status/databases"), Json::array())) {
      wanted.insert(database.value("secretName", ""));
    }
    for (const Json& database : pool.value(Json::json_pointer("/spec/databases"), Json::array())) {
      wanted.insert(database.value(Json::json_pointer("/credentialsSecretRef/name"), ""));
    }
    wanted.erase("");
    Json items = Json::array();
    for (const std::string& secret : wanted) {
      const auto found = access_.client().get(
          {.api_version = "v1", .kind = "Secret", .namespace_name = access_.namespace_name(), .name = secret},
          access_.limits());
      if (!found) {
        problems += "Secret " + secret + ": " + found.error().message + "\n";
        continue;
      }
      items.push_back(described_secret(*found));
      remember_values(*found);
    }
    add(name + "/Secret.yaml", Json{{"items", std::move(items)}});
    names_.insert(name);
  }

  void remember_values(const Json& secret) {
    const Json data = secret.value("data", Json::object());
    for (const std::string key : {"password", "admin-password", "stats-password", "DATABASE_URL", "DIRECT_URL"}) {
      if (!data.contains(key) || !data.at(key).is_string()) continue;
      const std::string encoded = data.at(key).get<std::string>();
      const auto text = base64_decode(encoded);
      if (!text || text->size() < kScrubbedBytesMin) continue;
      values_.insert(*text);
      values_.insert(encoded);
    }
  }

  void add(std::string name, const Json& value) { add_text(std::move(name), yaml_text(value)); }

  ClusterAccess& access_;
  std::vector<ArchiveFile> files_;
  std::set<std::string> values_;
  std::set<std::string> names_;

 public:
  std::string problems;  // what could not be read
};

Status make_report(ClusterAccess& access, const ReportOptions& options) {
  Collector collector(access);
  std::vector<Json> pools;
  for (const std::string& name : options.names) {
    PW_ASSIGN_OR_RETURN(Json pool, access.pool(name));
    pools.push_back(std::move(pool));
  }
  if (options.names.empty()) {
    PW_ASSIGN_OR_RETURN(pools, access.pools(false));
  }
  if (pools.empty()) {
    return make_error(ErrorKind::kNotFound, "there is no ConnectionPool in namespace " + access.namespace_name() +
                                                "; `poolwright status -A` lists all that there are");
  }
  const WallTime now = access.clock().wall_now();
  std::string overview = "poolwright " + program_version() + "\n" + format_rfc3339(now) + "\n\n";
  for (const Json& pool : pools) overview += pool_text(pool, now, {}) + "\n" + explain_text(pool, "", {}) + "\n";
  collector.add_text("overview.txt", std::move(overview));
  for (const Json& pool : pools) PW_RETURN_IF_ERROR(collector.add_pool(pool));
  collector.add_events();
  if (const auto version = access.client().get_path("/version", access.limits())) {
    collector.add_text("kubernetes.yaml", yaml_text(*version));
  }
  collector.add_text("not-read.txt", collector.problems.empty() ? "everything could be read\n" : collector.problems);
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  PW_ASSIGN_OR_RETURN(const std::string archive, tar_gz(collector.redacted(), seconds));
  std::string path = options.output;
  if (path.empty()) path = "poolwright-report-" + std::to_string(seconds) + ".tar.gz";
  PW_RETURN_IF_ERROR(write_private_file(path, archive));
  std::cout << path << "\n";
  std::cerr
      << "it holds resources, events and the names of Secret keys, no secret value; look before you share it: tar "
         "xzOf "
      << path << " | less\n";
  return ok();
}

}  // namespace

void add_report(CLI::App& app, int& code) {
  static ReportOptions options;
  CLI::App* command = app.add_subcommand("report", "Write an archive for support, without secret values");
  add_cluster_options(*command, options.cluster);
  command->add_option("names", options.names, "ConnectionPools (default: all of the namespace)");
  command->add_option("-o,--output", options.output, "New file (default: poolwright-report-TIME.tar.gz)");
  command->callback([&code] {
    auto access = ClusterAccess::open(options.cluster);
    if (!access) {
      code = report_failure("report", access.error());
      return;
    }
    const Status done = make_report(**access, options);
    code = done ? kExitOk : report_failure("report", with_next_step(done.error()));
  });
}

}  // namespace poolwright::cli

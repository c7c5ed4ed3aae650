#include <iostream>
#include <map>

#include "api/yaml.h"
#include "base/digest.h"
#include "cli/cli.h"
#include "cli/input_files.h"
#include "cli/yaml_text.h"
#include "render/render.h"

namespace poolwright::cli {

namespace {

using api::Json;

/// ConnectionPools and the Secrets beside them, as they stand in the files.
struct Content {
  std::vector<api::ConnectionPool> pools;
  std::map<std::string, Json> secrets;  // by name; files of one application share a namespace
  std::vector<std::string> errors;
};

/// kubectl accepts Secret.stringData; the rest of the program only knows data.
Json with_data(Json secret) {
  if (!secret.contains("stringData") || !secret.at("stringData").is_object()) return secret;
  for (const auto& entry : secret.at("stringData").items()) {
    if (entry.value().is_string()) secret["data"][entry.key()] = base64_encode(entry.value().get<std::string>());
  }
  secret.erase("stringData");
  return secret;
}

void collect(const InputFile& file, const api::ValidationPolicy& policy, Content& content) {
  const api::PoolFile pools = api::read_pools(file.text, policy);
  for (const api::FieldError& error : pools.errors) content.errors.push_back(file.name + ": " + to_string(error));
  for (const api::Parsed& parsed : pools.pools) {
    for (const api::FieldError& error : parsed.errors) {
      content.errors.push_back(file.name + ":" + std::to_string(error.line) + ": " + to_string(error));
    }
    if (parsed.pool) content.pools.push_back(*parsed.pool);
  }
  const auto documents = api::read_yaml(file.text);
  if (!documents) return;  // said above
  for (const api::YamlDocument& document : *documents) {
    const api::ObjectKey key = api::key_of(document.json);
    if (key.kind == "Secret") content.secrets[key.name] = with_data(document.json);
  }
}

/// The login of a database: from a Secret among the files, else a placeholder that is told to the reader.
Result<render::Credentials> login_of(const api::Database& database, const Content& content) {
  const std::string& name = database.credentials_secret_ref.name;
  const auto found = content.secrets.find(name);
  if (found != content.secrets.end()) return render::read_credentials(found->second);
  std::cerr << "poolwright render: Secret " << name << " is not among the files; a placeholder login stands for it\n";
  return render::Credentials{.username = database.name, .password = SecretString("placeholder")};
}

Status render_pool(api::ConnectionPool pool, const Content& content, const RenderOptions& options) {
  // Of a resource that is not stored yet, these two are not known; the API server would set them.
  if (pool.namespace_name.empty()) pool.namespace_name = "default";
  if (pool.uid.empty()) pool.uid = "00000000-0000-0000-0000-000000000000";
  std::map<std::string, render::Credentials> credentials;
  for (const api::Database& database : pool.spec.databases) {
    PW_ASSIGN_OR_RETURN(auto login, login_of(database, content));
    credentials.emplace(database.name, std::move(login));
  }
  // The console's real logins are drawn by the operator; here nobody will use them.
  const render::Credentials admin{.username = render::kAdminUser, .password = SecretString("placeholder")};
  const render::Credentials stats{.username = render::kStatsUser, .password = SecretString("placeholder")};
  PW_ASSIGN_OR_RETURN(const auto rendered,
                      render::render({.pool = pool,
                                      .credentials = credentials,
                                      .console = {.admin = admin, .stats = stats},
                                      .pod_slots = std::max(1, pool.spec.pgbouncer.replicas),
                                      .default_image = options.image_repository + ":" + pool.spec.pgbouncer.version}));
  for (const Json& object : rendered.objects) {
    std::cout << "---\n" << yaml_text(options.show_secrets ? object : render::masked(object));
  }
  return ok();
}

}  // namespace

int render(const RenderOptions& options) {
  const auto files = read_input(options.files.paths);
  if (!files) {
    std::cerr << "poolwright render: " << files.error().message << "\n";
    return kExitFailed;
  }
  Content content;
  for (const InputFile& file : *files) {
    collect(file, {.allow_loopback_hosts = options.files.allow_loopback_hosts}, content);
  }
  for (const std::string& error : content.errors) std::cerr << error << "\n";
  if (!content.errors.empty()) return kExitFailed;
  if (content.pools.empty()) {
    std::cerr << "poolwright render: no ConnectionPool in what was given\n";
    return kExitFailed;
  }
  for (const api::ConnectionPool& pool : content.pools) {
    if (const Status done = render_pool(pool, content, options); !done) {
      std::cerr << "poolwright render: " << pool.name << ": " << done.error().message << "\n";
      return kExitFailed;
    }
  }
  return kExitOk;
}

}  // namespace poolwright::cli

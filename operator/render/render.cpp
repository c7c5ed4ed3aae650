#include "render/render.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/digest.h"
#include "render/hash.h"
#include "render/hba.h"
#include "render/names.h"
#include "render/object_config.h"
#include "render/object_deployment.h"
#include "render/object_service.h"
#include "render/object_url_secret.h"
#include "render/options.h"
#include "render/pgbouncer_ini.h"
#include "render/shares.h"
#include "render/text.h"
#include "render/userlist.h"

namespace poolwright::render {

namespace {

constexpr std::size_t kMarkerDigits = 16;
constexpr std::size_t kHostBytesMax = 253;
constexpr std::int32_t kSizeMax = 10000;

Error invalid(const std::string& message) { return make_error(ErrorKind::kInvalid, message); }

std::string database_path(std::size_t index) { return "spec.databases[" + std::to_string(index) + "]"; }

/// A host as PgBouncer takes it: one name or address. It reads a comma as a list of hosts, and a leading '/' or '@' as
/// a Unix socket.
Status check_host(const std::string& host) {
  const auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
           c == '_' || c == ':';
  };
  const bool is_good =
      !host.empty() && host.size() <= kHostBytesMax && std::all_of(host.begin(), host.end(), is_allowed);
  if (is_good) return ok();
  return invalid(
      "spec.postgres.host: must be one DNS name, IPv4 or IPv6 address (without brackets) of at most 253 characters");
}

Status check_database(const api::Database& database, const std::string& path, std::set<std::string>& seen) {
  const std::string pattern = "must match ^[A-Za-z_][A-Za-z0-9_-]{0,62}$";
  if (!is_plain_database_name(database.name)) return invalid(path + ".name: " + pattern);
  if (database.name == kConsoleDatabase) return invalid(path + ".name: must not be pgbouncer, which is the console");
  if (!is_plain_database_name(api::server_database(database))) return invalid(path + ".databaseName: " + pattern);
  if (!seen.insert(database.name).second) return invalid(path + ".name: must be given once");
  return ok();
}

Status check_login(const RenderInputs& inputs, const api::Database& database, const std::string& path) {
  const auto login = inputs.credentials.find(database.name);
  if (login == inputs.credentials.end()) return invalid(path + ".credentialsSecretRef: its credentials are not known");
  const std::string where = path + ".credentialsSecretRef: Secret " + database.credentials_secret_ref.name;
  const Status status = check_credentials(login->second);
  if (!status) return with_context(status.error(), where);
  if (login->second.username == kAdminUser || login->second.username == kStatsUser) {
    return invalid(where + ": username must not be " + login->second.username +
                   ", which is the operator's console user");
  }
  return ok();
}

Status check_inputs(const RenderInputs& inputs, const PgbouncerVersion& version) {
  const api::ConnectionPoolSpec& spec = inputs.pool.spec;
  if (!is_supported(version)) {
    return invalid("spec.pgbouncer.version: must be 1.18 to 1.26, as \"1.26\"");
  }
  if (inputs.console.admin.username != kAdminUser || inputs.console.stats.username != kStatsUser) {
    return invalid("render: the console logins must have the operator's names");
  }
  PW_RETURN_IF_ERROR(check_host(spec.postgres.host));
  if (spec.databases.empty()) return invalid("spec.databases: must have at least one database");
  std::set<std::string> seen;
  for (std::size_t i = 0; i < spec.databases.size(); ++i) {
    PW_RETURN_IF_ERROR(check_database(spec.databases[i], database_path(i), seen));
    PW_RETURN_IF_ERROR(check_login(inputs, spec.databases[i], database_path(i)));
  }
  return ok();
}

/// Two objects of one kind and name would overwrite each other; a Secret of ours must not be one of the user's.
Status check_names(const RenderInputs& inputs) {
  std::set<std::string> taken{userlist_secret_name(inputs.pool.name), console_secret_name(inputs.pool.name)};
  for (const RequiredSecret& secret : required_secrets(inputs.pool)) {
    if (taken.contains(secret.name)) {
      return invalid(secret.path + ": must not name Secret " + secret.name + ", which the operator writes itself");
    }
  }
  for (const RequiredSecret& secret : required_secrets(inputs.pool)) taken.insert(secret.name);
  for (std::size_t i = 0; i < inputs.pool.spec.databases.size(); ++i) {
    const std::string name = url_secret_name(inputs.pool, inputs.pool.spec.databases[i]);
    if (!taken.insert(name).second) {
      return invalid(database_path(i) + ".application.secretName: Secret " + name +
                     " is already used for something else in this resource");
    }
  }
  return ok();
}

struct Files {
  Ini ini;
  std::string ini_text;
  std::string hba;
  SecretString userlist;
  std::string config_hash;
  std::string marker;
  std::string user_marker;
};

/// A username that no Secret can hold by accident; it changes only when a user or password does, because PgBouncer
/// keeps every user that it ever saw in memory.
std::string user_marker_of(const SecretString& userlist) {
  return "poolwright-users-" + sha256_hex(userlist.reveal()).substr(0, kMarkerDigits);
}

Result<Files> render_files(const RenderInputs& inputs, const PgbouncerVersion& version,
                           const std::map<std::string, Shares>& shares) {
  std::map<std::string, std::string> usernames;
  std::vector<HbaPair> pairs;
  std::vector<Credentials> users{inputs.console.admin, inputs.console.stats};
  for (const api::Database& database : inputs.pool.spec.databases) {
    const Credentials& login = inputs.credentials.at(database.name);
    usernames[database.name] = login.username;
    pairs.push_back({.database = database.name, .username = login.username});
    users.push_back(login);
  }
  pairs.push_back({.database = kConsoleDatabase, .username = inputs.console.admin.username});
  pairs.push_back({.database = kConsoleDatabase, .username = inputs.console.stats.username});

  Files files;
  PW_ASSIGN_OR_RETURN(files.ini, pgbouncer_ini({inputs.pool.spec, version, usernames, shares}));
  PW_ASSIGN_OR_RETURN(files.hba, hba_text(pairs, requires_client_tls(inputs.pool.spec.pgbouncer)));
  PW_ASSIGN_OR_RETURN(files.userlist, userlist_text(std::move(users)));
  files.user_marker = user_marker_of(files.userlist);
  files.userlist = with_marker_user(files.userlist, files.user_marker);

  // The userlist is part of the hash, which stands in a ConfigMap; that tells nothing about a password, because the
  // random passwords of the console are hashed with it.
  PW_ASSIGN_OR_RETURN(const std::string unmarked, to_text(files.ini));
  files.config_hash = sha256_hex(unmarked + '\0' + files.hba + '\0' + files.userlist.reveal());
  files.marker = "poolwright-" + files.config_hash.substr(0, kMarkerDigits);
  files.ini.pgbouncer.push_back({.key = "syslog_ident", .value = files.marker});
  PW_ASSIGN_OR_RETURN(files.ini_text, to_text(files.ini));
  return files;
}

std::string image_of(const RenderInputs& inputs) {
  const api::Pgbouncer& pgbouncer = inputs.pool.spec.pgbouncer;
  if (pgbouncer.image) return *pgbouncer.image;
  // Without a cluster nobody runs the Deployment; the name only has to be a valid one.
  return inputs.default_image.empty() ? "pgbouncer:" + pgbouncer.version : inputs.default_image;
}

Status append_objects(Rendered& rendered, const RenderInputs& inputs, const PgbouncerVersion& version,
                      const Files& files) {
  const api::ConnectionPool& pool = inputs.pool;
  rendered.pooler = inputs.pooler_address.value_or(
      PoolerAddress{.host = service_host(pool.name, pool.namespace_name), .port = kPoolerPort});
  const PoolerAddress& pooler = rendered.pooler;
  ConfigFiles config{.ini = files.ini_text, .hba = files.hba, .config_hash = files.config_hash, .sizes = {}};
  for (const DatabaseRendered& database : rendered.databases) config.sizes[database.name] = database.size;

  std::vector<api::Json> objects{service_account(pool), console_secret(pool, inputs.console),
                                 userlist_secret(pool, files.userlist), config_map(pool, config)};
  for (std::size_t i = 0; i < pool.spec.databases.size(); ++i) {
    const api::Database& database = pool.spec.databases[i];
    objects.push_back(url_secret({.pool = pool,
                                  .database = database,
                                  .credentials = inputs.credentials.at(database.name),
                                  .version = version,
                                  .pooler = {.host = pooler.host, .port = pooler.port, .database = database.name},
                                  .direct = {.host = pool.spec.postgres.host,
                                             .port = pool.spec.postgres.port,
                                             .database = api::server_database(database)},
                                  .connection_limit = rendered.databases[i].connection_limit}));
  }
  objects.push_back(service(pool));
  if (pool.spec.pgbouncer.disruption_budget.enabled) objects.push_back(disruption_budget(pool));
  if (pool.spec.pgbouncer.network_policy) objects.push_back(network_policy(pool));
  PW_ASSIGN_OR_RETURN(
      api::Json pods,
      deployment(
          {.pool = pool, .version = version, .image = image_of(inputs), .restart_hash = restart_hash(files.ini)}));
  objects.push_back(std::move(pods));
  for (api::Json& object : objects) rendered.objects.push_back(with_applied_hash(std::move(object)));
  return ok();
}

PodHold held_back_of(const RenderInputs& inputs, const api::Database& database) {
  const auto found = inputs.held_back.find(database.name);
  return found == inputs.held_back.end() ? PodHold{} : found->second;
}

std::vector<DatabaseRendered> render_databases(const RenderInputs& inputs) {
  const api::ConnectionPool& pool = inputs.pool;
  const std::vector<InstanceLimit> limits = instance_limits(pool.spec, inputs.instances);
  std::vector<DatabaseRendered> databases;
  for (std::size_t i = 0; i < pool.spec.databases.size(); ++i) {
    const api::Database& database = pool.spec.databases[i];
    const auto given = inputs.sizes.find(database.name);
    const std::int32_t size = given == inputs.sizes.end() ? api::initial_size(database.pool_size) : given->second;
    const Shares shares = shares_of(database, size, inputs.pod_slots, held_back_of(inputs, database));
    databases.push_back({.name = database.name,
                         .secret_name = url_secret_name(pool, database),
                         .size = size,
                         .share = shares.pool_size,
                         .reserve_share = shares.reserve_pool_size,
                         .connection_limit = limits[i].connection_limit,
                         .warning = limits[i].warning});
  }
  return databases;
}

}  // namespace

Result<Rendered> render(const RenderInputs& inputs) {
  const PgbouncerVersion version = parse_version(inputs.pool.spec.pgbouncer.version).value_or(PgbouncerVersion{});
  PW_RETURN_IF_ERROR(check_inputs(inputs, version));
  PW_RETURN_IF_ERROR(check_names(inputs));

  Rendered rendered;
  rendered.databases = render_databases(inputs);
  std::map<std::string, Shares> shares;
  for (std::size_t i = 0; i < rendered.databases.size(); ++i) {
    const DatabaseRendered& database = rendered.databases[i];
    if (database.size < 1 || database.size > kSizeMax) {
      return invalid(database_path(i) + ".poolSize: a size must be 1 to 10000; 0 would mean unlimited to PgBouncer");
    }
    const api::Database& given = inputs.pool.spec.databases[i];
    shares[database.name] = shares_of(given, database.size, inputs.pod_slots, held_back_of(inputs, given));
  }
  PW_ASSIGN_OR_RETURN(Files files, render_files(inputs, version, shares));
  PW_RETURN_IF_ERROR(append_objects(rendered, inputs, version, files));
  rendered.max_client_conn = max_client_conn(inputs.pool.spec.pgbouncer);
  rendered.config_hash = std::move(files.config_hash);
  rendered.marker = std::move(files.marker);
  rendered.user_marker = std::move(files.user_marker);
  rendered.ini = std::move(files.ini_text);
  rendered.hba = std::move(files.hba);
  rendered.userlist = std::move(files.userlist);
  return rendered;
}

std::map<std::string, std::int32_t> recorded_sizes(const api::Json& config_map) {
  const api::Json recorded = api::Json::parse(api::annotation(config_map, kSizesAnnotation), nullptr, false);
  std::map<std::string, std::int32_t> sizes;
  if (!recorded.is_object()) return sizes;
  for (const auto& [name, size] : recorded.items()) {
    if (!size.is_number_integer()) continue;
    const auto number = size.get<std::int64_t>();
    if (is_plain_database_name(name) && number >= 1 && number <= kSizeMax)
      sizes[name] = static_cast<std::int32_t>(number);
  }
  return sizes;
}

}  // namespace poolwright::render

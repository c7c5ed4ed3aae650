#include "inspect/inspect.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace poolwright::inspect {

namespace {

// What a client does with a parameter that it does not know.
enum class Unknown { kIgnored, kRefused, kSentToServer };

struct ClientTraits {
  std::string_view name;
  std::string_view title;
  Unknown unknown = Unknown::kIgnored;
  std::vector<std::string_view> known;
  bool pool_by_url = false;  // connection_limit and pool_timeout of the URL count
};

const std::vector<std::string_view>& libpq_parameters() {
  static const std::vector<std::string_view> kNames = {"host",
                                                       "hostaddr",
                                                       "port",
                                                       "dbname",
                                                       "user",
                                                       "password",
                                                       "passfile",
                                                       "sslmode",
                                                       "sslcert",
                                                       "sslkey",
                                                       "sslrootcert",
                                                       "sslcrl",
                                                       "sslcompression",
                                                       "sslsni",
                                                       "options",
                                                       "application_name",
                                                       "fallback_application_name",
                                                       "connect_timeout",
                                                       "client_encoding",
                                                       "keepalives",
                                                       "keepalives_idle",
                                                       "keepalives_interval",
                                                       "keepalives_count",
                                                       "tcp_user_timeout",
                                                       "replication",
                                                       "gssencmode",
                                                       "krbsrvname",
                                                       "service",
                                                       "target_session_attrs",
                                                       "channel_binding"};
  return kNames;
}

const std::vector<std::string_view>& node_parameters() {
  static const std::vector<std::string_view> kNames = {"host",
                                                       "port",
                                                       "user",
                                                       "password",
                                                       "database",
                                                       "sslmode",
                                                       "ssl",
                                                       "sslcert",
                                                       "sslkey",
                                                       "sslrootcert",
                                                       "options",
                                                       "application_name",
                                                       "fallback_application_name",
                                                       "client_encoding",
                                                       "statement_timeout",
                                                       "query_timeout",
                                                       "lock_timeout",
                                                       "idle_in_transaction_session_timeout",
                                                       "uselibpqcompat"};
  return kNames;
}

const std::vector<std::string_view>& prisma_parameters() {
  static const std::vector<std::string_view> kNames = {"connection_limit",
                                                       "pool_timeout",
                                                       "connect_timeout",
                                                       "socket_timeout",
                                                       "max_idle_connection_lifetime",
                                                       "max_connection_lifetime",
                                                       "pgbouncer",
                                                       "statement_cache_size",
                                                       "schema",
                                                       "host",
                                                       "sslmode",
                                                       "sslcert",
                                                       "sslidentity",
                                                       "sslpassword",
                                                       "sslaccept",
                                                       "application_name",
                                                       "options",
                                                       "channel_binding",
                                                       "single_use_connections"};
  return kNames;
}

const ClientTraits& traits_of(Client client) {
  static const std::array<ClientTraits, 6> kTraits = {{
      {.name = "prisma6", .title = "Prisma 4-6", .known = prisma_parameters(), .pool_by_url = true},
      {.name = "prisma7", .title = "Prisma 7 (driver adapter)", .known = node_parameters()},
      {.name = "node-postgres", .title = "node-postgres", .known = node_parameters()},
      {.name = "libpq", .title = "libpq (psql, psycopg)", .unknown = Unknown::kRefused, .known = libpq_parameters()},
      {.name = "pgx", .title = "pgx", .unknown = Unknown::kSentToServer, .known = libpq_parameters()},
      {.name = "asyncpg",
       .title = "asyncpg",
       .unknown = Unknown::kSentToServer,
       .known = {"host", "port", "user", "password", "database", "passfile", "sslmode", "sslcert", "sslkey",
                 "sslrootcert"}},
  }};
  return kTraits.at(static_cast<std::size_t>(client));
}

bool contains(const std::vector<std::string_view>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::optional<int> as_number(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  int number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc() || end != text->data() + text->size()) return std::nullopt;
  return number;
}

void judge_pooled(const DatabaseUrl& url, Inspection& result) {
  if (url.parameter("pgbouncer") == "true") {
    result.pooled_because = "pgbouncer=true";
  } else if (url.port == 6432) {
    result.pooled_because = "port 6432";
  } else {
    for (const std::string_view word : {"pgbouncer", "pooler", "-pool."}) {
      if (url.host.find(word) != std::string::npos)
        result.pooled_because = "\"" + std::string(word) + "\" in the host name";
    }
  }
  result.pooled = !result.pooled_because.empty();
}

class Findings {
 public:
  explicit Findings(Inspection& inspection) : inspection_(inspection) {}
  void problem(std::string text) { inspection_.findings.push_back({.problem = true, .text = std::move(text)}); }
  void note(std::string text) { inspection_.findings.push_back({.problem = false, .text = std::move(text)}); }

 private:
  Inspection& inspection_;
};

std::string seconds_in_words(int seconds) {
  if (seconds == 0) return "without a limit";
  return std::to_string(seconds) + (seconds == 1 ? " second" : " seconds");
}

/// A non-negative whole number, its default, or a complaint.
std::optional<int> read_number(const DatabaseUrl& url, std::string_view name, int otherwise, Findings& findings) {
  const auto text = url.parameter(name);
  if (!text) return otherwise;
  const auto number = as_number(text);
  if (number && *number >= 0) return number;
  findings.problem(std::string(name) + "=" + *text + " is not a whole number from 0; Prisma refuses the URL");
  return std::nullopt;
}

void describe_prisma(const DatabaseUrl& url, Inspection& result, Findings& findings) {
  const auto limit = url.parameter("connection_limit");
  if (!limit) {
    result.summary.emplace_back("Each instance opens up to 2 x (physical cores of the node) + 1 connections.");
    findings.problem(
        "connection_limit is missing: the limit depends on the node that the instance lands on; give a number");
  } else if (const auto number = read_number(url, "connection_limit", 0, findings); number) {
    result.summary.push_back("Each instance opens up to " + (*number == 0 ? "any number of" : std::to_string(*number)) +
                             " connections.");
    if (*number == 0) findings.problem("connection_limit=0 means unlimited; give a number from 1");
  }
  if (const auto wait = read_number(url, "pool_timeout", 10, findings); wait) {
    result.summary.push_back("A query waits for a free connection of its instance " +
                             (*wait == 0 ? "" : std::string("up to ")) + seconds_in_words(*wait) + ".");
    if (*wait == 0)
      findings.problem("pool_timeout=0 means no limit: queries pile up in memory; give a number of seconds");
  }
  if (const auto wait = read_number(url, "connect_timeout", 5, findings); wait) {
    result.summary.push_back("Opening a connection may take " + (*wait == 0 ? "" : std::string("up to ")) +
                             seconds_in_words(*wait) + ".");
  }
  const auto flag = url.parameter("pgbouncer");
  if (flag && *flag != "true" && *flag != "false") {
    findings.problem("pgbouncer=" + *flag + " is refused by Prisma; it must be true or false");
  }
}

void describe_pool_of_code(const ClientTraits& traits, Inspection& result) {
  result.summary.push_back("The size of each instance's pool is set in code: " + std::string(traits.title) +
                           " does not read it from the URL.");
}

void check_parameters(const DatabaseUrl& url, const ClientTraits& traits, Findings& findings) {
  for (const auto& [name, value] : url.parameters) {
    if (contains(traits.known, name)) continue;
    const std::string who(traits.title);
    switch (traits.unknown) {
      case Unknown::kIgnored:
        findings.note(who + " ignores " + name + (contains(prisma_parameters(), name) ? "; set it in code" : ""));
        break;
      case Unknown::kRefused:
        findings.problem(who + " refuses the URL because of " + name +
                         "; use the key `uri` or `pgbouncer-uri` of the Secret");
        break;
      case Unknown::kSentToServer:
        findings.problem(who + " sends " + name +
                         " to the server, which refuses the connection; use the key `uri` or " +
                         "`pgbouncer-uri` of the Secret");
        break;
    }
  }
}

void check_use(const DatabaseUrl& url, const InspectOptions& options, const Inspection& result, Findings& findings) {
  if (options.for_migrations && result.pooled) {
    findings.problem(
        "migrations need a direct connection: through a pool in transaction mode the migration's lock stays on a "
        "connection that somebody else gets; use DATABASE_URL_DIRECT");
  }
  if (result.pooled && url.parameter("schema")) {
    findings.problem("schema=" + *url.parameter("schema") +
                     " through a pool sets search_path on shared connections and leaks to "
                     "other clients; use ALTER ROLE ... SET search_path");
  }
  if (!result.pooled && url.parameter("pgbouncer") == "false" && url.port == 6432) {
    findings.note("pgbouncer=false on port 6432: right for PgBouncer 1.22 or newer with prepared statements");
  }
  const auto limit = as_number(url.parameter("connection_limit"));
  if (limit && options.instances && options.pool_clients && *limit * *options.instances > *options.pool_clients) {
    findings.problem(std::to_string(*options.instances) + " instances x " + std::to_string(*limit) +
                     " connections = " + std::to_string(*limit * *options.instances) + ", but only " +
                     std::to_string(*options.pool_clients) + " are admitted; lower connection_limit to " +
                     std::to_string(std::max(1, *options.pool_clients / *options.instances)));
  }
  if (!url.has_password) findings.note("the URL has no password");
  if (url.database.empty()) findings.problem("the database name is missing; most clients then use the user's name");
}

}  // namespace

std::optional<Client> client_from_name(std::string_view name) {
  for (const Client client :
       {Client::kPrisma6, Client::kPrisma7, Client::kNodePostgres, Client::kLibpq, Client::kPgx, Client::kAsyncpg}) {
    if (traits_of(client).name == name) return client;
  }
  return std::nullopt;
}

Inspection inspect_url(const DatabaseUrl& url, const InspectOptions& options) {
  Inspection result;
  Findings findings(result);
  const ClientTraits& traits = traits_of(options.client);
  judge_pooled(url, result);
  if (traits.pool_by_url) {
    describe_prisma(url, result, findings);
  } else {
    describe_pool_of_code(traits, result);
  }
  check_use(url, options, result, findings);
  check_parameters(url, traits, findings);
  std::stable_partition(result.findings.begin(), result.findings.end(), [](const Finding& f) { return f.problem; });
  return result;
}

}  // namespace poolwright::inspect

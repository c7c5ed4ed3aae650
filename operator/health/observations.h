// What the monitoring is told: everything that was seen of every pool at one moment, as plain values. Whoever runs the
// consoles fills it; nothing here asks anybody. Names of counters and gauges are those of PgBouncer's SHOW commands.
// Thread rule: plain values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"

namespace poolwright::health {

/// One row of SHOW POOLS: the connections of one database and user at the moment of the answer.
struct PoolRow {
  std::string database;
  std::string user;
  std::int64_t cl_active = 0;
  std::int64_t cl_waiting = 0;
  std::int64_t cl_active_cancel_req = 0;
  std::int64_t cl_waiting_cancel_req = 0;
  std::int64_t sv_active = 0;
  std::int64_t sv_active_cancel = 0;
  std::int64_t sv_being_canceled = 0;
  std::int64_t sv_idle = 0;
  std::int64_t sv_used = 0;
  std::int64_t sv_tested = 0;
  std::int64_t sv_login = 0;
  double maxwait_s = 0;  // maxwait and maxwait_us are one number
};

/// One row of SHOW DATABASES.
struct DatabaseRow {
  std::string name;
  std::string host;
  std::int64_t port = 0;
  std::string database;
  std::string force_user;
  std::string pool_mode;
  std::int64_t pool_size = 0;
  std::int64_t reserve_pool_size = 0;
  std::int64_t max_connections = 0;  // 0: no limit
  std::int64_t current_connections = 0;
  bool paused = false;
  bool disabled = false;
};

/// One row of SHOW STATS (its total_ columns): cumulative since the PgBouncer started. xact_time and query_time include
/// the time that clients waited for a server connection. Columns that a version lacks stay 0.
struct StatsRow {
  std::string database;
  std::int64_t server_assignment_count = 0;
  std::int64_t xact_count = 0;
  std::int64_t query_count = 0;
  std::int64_t bytes_received = 0;
  std::int64_t bytes_sent = 0;
  std::int64_t xact_time_us = 0;
  std::int64_t query_time_us = 0;
  std::int64_t wait_time_us = 0;
  std::int64_t client_parse_count = 0;
  std::int64_t server_parse_count = 0;
  std::int64_t bind_count = 0;
};

/// One PgBouncer. The rows are those of observed_at, also when a later poll failed.
struct PodObservation {
  std::string name;
  bool is_terminating = false;
  bool is_at_gate = false;                   // not started yet: it waits until connections are free for it
  MonotonicTime first_seen{};                // since when it may start; a new pod is given time to do so
  std::optional<MonotonicTime> observed_at;  // newest complete answer; nullopt: it never answered
  std::string problem;                       // why the newest poll failed; "": it was answered
  std::optional<double> response_ms;         // of the newest answered poll
  std::string version;                       // "1.26.1"; "" while unknown
  std::string config_hash;                   // that it was read back to run; "" while unknown
  std::string reload_error;                  // what the newest RELOAD answered; "": it succeeded
  std::vector<std::string> vulnerabilities;  // published weaknesses of its version: "CVE-2026-107350"
  std::vector<PoolRow> pools;
  std::vector<DatabaseRow> databases;
  std::vector<StatsRow> stats;
  std::map<std::string, std::int64_t> lists;  // SHOW LISTS
  std::int64_t max_client_conn = 0;           // SHOW CONFIG
  std::int64_t max_user_connections = 0;      // SHOW CONFIG
};

/// Sessions of one database that sit idle in a transaction for too long.
struct LeakObservation {
  std::int64_t sessions = 0;
  double oldest_s = 0;
  std::string application_name;  // of most of them, "" if unknown
};

/// One database of a pool, as the resource has it and as the sizing left it.
struct DatabaseObservation {
  std::string name;       // what clients ask PgBouncer for
  std::string server;     // ServerObservation::id
  std::int64_t size = 0;  // sum over all pods, as told to the PgBouncers
  std::int64_t size_min = 0;
  std::int64_t size_max = 0;
  std::int64_t reserve = 0;  // sum over all pods
  std::optional<std::int64_t> recommended_size;
  std::string size_reason;             // one sentence
  std::int64_t connection_limit = 0;   // per application instance, as in the URL; 0: unknown
  std::int64_t pool_timeout_s = 0;     // as in the URL
  std::int64_t connect_timeout_s = 0;  // as in the URL
  LeakObservation leak;
};

/// The application's Redis. Only pools that name one have it.
struct RedisObservation {
  bool is_available = false;  // somebody accepts connections there
  bool is_connected = false;  // PING was answered
  std::string status;         // "PONG in 0.4 ms, Redis 7.0.15", or why not
  std::string problem;        // "" when connected
  std::optional<double> response_ms;
};

/// Limits of one pool's alerts, from the resource.
struct Thresholds {
  double warning_percent = 80;
  double critical_percent = 90;
};

/// One ConnectionPool resource.
struct PoolObservation {
  std::string namespace_name;
  std::string name;
  Thresholds thresholds;
  Duration interval{60000};  // between two metrics blocks
  std::string pool_mode;     // "transaction"
  std::string endpoint;      // host:port of the pooler
  bool is_through_pgbouncer = true;
  std::int64_t max_client_connections = 0;  // per pod
  std::string wanted_config_hash;           // "" while nothing was rendered
  std::vector<DatabaseObservation> databases;
  std::vector<PodObservation> pods;
  std::optional<RedisObservation> redis;
};

/// What one database may take of its server's connections.
struct BudgetShare {
  std::string namespace_name;
  std::string pool;
  std::string database;
  std::int64_t committed = 0;  // the most that its PgBouncers may open now
  std::int64_t held = 0;       // that they have open
};

/// One PostgreSQL server with the budget that all pools on it share.
struct ServerObservation {
  std::string id;       // "orders-db.shop.svc:5432"
  std::string version;  // "15.8"; "" while unknown
  bool is_reachable = false;
  std::string problem;                          // "" when reachable
  std::optional<double> response_ms;            // of the newest answered question
  std::optional<std::int64_t> max_connections;  // of the server
  std::optional<std::int64_t> connections;      // that exist on it, whoever has them
  std::int64_t budget = 0;                      // for all pools; 0 while unknown
  std::vector<BudgetShare> shares;
  bool is_saturated = false;  // more connections would make it do less work
};

/// One change of a size, with its reason.
struct Decision {
  WallTime time{};
  std::string namespace_name;
  std::string pool;
  std::string database;
  std::int64_t size_before = 0;
  std::int64_t size = 0;
  std::string reason;  // one word of the sizing: "Demand"
  std::string text;    // one sentence
};

/// Everything, at one moment. The lists may come in any order; answers are sorted.
struct Observations {
  MonotonicTime now{};
  WallTime wall_now{};
  std::vector<PoolObservation> pools;
  std::vector<ServerObservation> servers;
  std::vector<Decision> decisions;  // taken since the previous observations, newest last
};

}  // namespace poolwright::health

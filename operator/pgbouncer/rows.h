// What SHOW answers, as typed values. Columns are found by name, so that 1.18 to 1.26 read the same; unknown columns
// are ignored; a column that is missing or holds something else is kProtocol, never a crash. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "postgres/table.h"

namespace poolwright::pgbouncer {

/// SHOW POOLS: one database with one user, at this moment.
struct PoolRow {
  std::string database;
  std::string user;
  std::int64_t cl_active = 0;  // idle clients are in it: not load
  std::int64_t cl_waiting = 0;
  // Requests to cancel a query, and the connections that carry them: 0 where the version does not count them.
  std::int64_t cl_active_cancel_req = 0;
  std::int64_t cl_waiting_cancel_req = 0;
  std::int64_t sv_active_cancel = 0;
  std::int64_t sv_active = 0;
  std::int64_t sv_being_canceled = 0;  // 0 where the version does not count it
  std::int64_t sv_idle = 0;
  std::int64_t sv_used = 0;
  std::int64_t sv_tested = 0;
  std::int64_t sv_login = 0;
  std::int64_t maxwait_us = 0;  // maxwait and maxwait_us are one number: how long the oldest client waits now
  std::string pool_mode;
  friend bool operator==(const PoolRow&, const PoolRow&) = default;
};

/// SHOW STATS: cumulative since the start of PgBouncer, per database. Falls back to 0 on a restart or a removed
/// database. The times include the time in the queue.
struct StatsRow {
  std::string database;
  std::int64_t total_xact_count = 0;
  std::int64_t total_query_count = 0;
  std::int64_t total_received_bytes = 0;
  std::int64_t total_sent_bytes = 0;
  std::int64_t total_xact_time_us = 0;
  std::int64_t total_query_time_us = 0;
  std::int64_t total_wait_time_us = 0;
  // 1.23+ and, of prepared statements, 1.24+; else 0.
  std::int64_t total_server_assignment_count = 0;
  std::int64_t total_client_parse_count = 0;
  std::int64_t total_server_parse_count = 0;
  std::int64_t total_bind_count = 0;
  friend bool operator==(const StatsRow&, const StatsRow&) = default;
};

/// SHOW DATABASES: what is configured, and whether it is paused. A size of 0 means unlimited from 1.24 on.
struct DatabaseRow {
  std::string name;
  std::string host;
  std::int64_t port = 0;
  std::string database;    // on the server
  std::string force_user;  // "" if none
  std::int64_t pool_size = 0;
  std::int64_t min_pool_size = 0;
  std::int64_t reserve_pool_size = 0;
  std::string pool_mode;             // "" where the database has none of its own
  std::int64_t max_connections = 0;  // 0: no limit
  std::int64_t current_connections = 0;
  std::optional<std::int64_t> server_lifetime;         // 1.23+
  std::optional<std::string> load_balance_hosts;       // 1.24+
  std::optional<std::int64_t> max_client_connections;  // 1.24+
  bool is_paused = false;
  bool is_disabled = false;
  friend bool operator==(const DatabaseRow&, const DatabaseRow&) = default;
};

/// SHOW SERVERS: one connection to PostgreSQL.
struct ServerRow {
  std::string database;
  std::string user;
  std::int64_t remote_pid = 0;   // of the backend; 0 while it logs in
  bool is_close_needed = false;  // ends with its transaction: made for a configuration of before, or too old
  friend bool operator==(const ServerRow&, const ServerRow&) = default;
};

/// SHOW CONFIG: one setting.
struct ConfigRow {
  std::string key;
  std::string value;
  std::optional<std::string> default_value;
  bool is_changeable = false;  // by RELOAD
  friend bool operator==(const ConfigRow&, const ConfigRow&) = default;
};

Result<std::vector<PoolRow>> parse_pools(const postgres::Table& table);
Result<std::vector<StatsRow>> parse_stats(const postgres::Table& table);
Result<std::vector<DatabaseRow>> parse_databases(const postgres::Table& table);
Result<std::vector<ServerRow>> parse_servers(const postgres::Table& table);
Result<std::vector<ConfigRow>> parse_config(const postgres::Table& table);
/// SHOW STATE: whether all databases are paused together.
Result<bool> parse_paused(const postgres::Table& table);
/// SHOW LISTS: name and number.
Result<std::map<std::string, std::int64_t>> parse_lists(const postgres::Table& table);
/// SHOW USERS: the names.
Result<std::vector<std::string>> parse_users(const postgres::Table& table);
/// SHOW VERSION: "PgBouncer 1.24.1".
Result<std::string> parse_version(const postgres::Table& table);

/// "1.24.1" for 12401; "" for 0.
std::string version_text(int server_version);

}  // namespace poolwright::pgbouncer

#include "pgbouncer/rows.h"

#include <algorithm>
#include <utility>

namespace poolwright::pgbouncer {

using postgres::RowReader;
using postgres::Table;

namespace {

constexpr std::int64_t kMicrosecondsPerSecond = 1'000'000;
constexpr std::int64_t kMaxwaitSecondsMax = 10LL * 365 * 24 * 3600;

template <typename Row, typename Read>
Result<std::vector<Row>> read_rows(const Table& table, std::string_view topic, Read read) {
  std::vector<Row> rows;
  rows.reserve(table.rows.size());
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    RowReader reader(table, i);
    rows.push_back(read(reader));
    const Status status = reader.status();
    if (!status) return with_context(status.error(), "SHOW " + std::string(topic));
  }
  return rows;
}

std::int64_t optional_or_zero(RowReader& reader, std::string_view column) {
  return reader.has(column) ? reader.count(column) : 0;
}

PoolRow read_pool(RowReader& reader) {
  PoolRow row;
  row.database = reader.text("database");
  row.user = reader.text("user");
  row.cl_active = reader.count("cl_active");
  row.cl_waiting = reader.count("cl_waiting");
  row.cl_active_cancel_req = optional_or_zero(reader, "cl_active_cancel_req");
  row.cl_waiting_cancel_req = optional_or_zero(reader, "cl_waiting_cancel_req");
  row.sv_active_cancel = optional_or_zero(reader, "sv_active_cancel");
  row.sv_active = reader.count("sv_active");
  row.sv_being_canceled = optional_or_zero(reader, "sv_being_canceled");
  row.sv_idle = reader.count("sv_idle");
  row.sv_used = reader.count("sv_used");
  row.sv_tested = reader.count("sv_tested");
  row.sv_login = reader.count("sv_login");
  const std::int64_t seconds = std::min(reader.count("maxwait"), kMaxwaitSecondsMax);
  const std::int64_t microseconds = std::min(reader.count("maxwait_us"), kMicrosecondsPerSecond);
  row.maxwait_us = seconds * kMicrosecondsPerSecond + microseconds;
  row.pool_mode = reader.text("pool_mode");
  return row;
}

StatsRow read_stats(RowReader& reader) {
  StatsRow row;
  row.database = reader.text("database");
  row.total_xact_count = reader.count("total_xact_count");
  row.total_query_count = reader.count("total_query_count");
  row.total_received_bytes = reader.count("total_received");
  row.total_sent_bytes = reader.count("total_sent");
  row.total_xact_time_us = reader.count("total_xact_time");
  row.total_query_time_us = reader.count("total_query_time");
  row.total_wait_time_us = reader.count("total_wait_time");
  row.total_server_assignment_count = optional_or_zero(reader, "total_server_assignment_count");
  row.total_client_parse_count = optional_or_zero(reader, "total_client_parse_count");
  row.total_server_parse_count = optional_or_zero(reader, "total_server_parse_count");
  row.total_bind_count = optional_or_zero(reader, "total_bind_count");
  return row;
}

DatabaseRow read_database(RowReader& reader) {
  DatabaseRow row;
  row.name = reader.text("name");
  row.host = reader.text("host");
  row.port = reader.count("port");
  row.database = reader.text("database");
  row.force_user = reader.text("force_user");
  row.pool_size = reader.integer("pool_size");
  row.min_pool_size = optional_or_zero(reader, "min_pool_size");
  row.reserve_pool_size = reader.integer(reader.any_of({"reserve_pool_size", "reserve_pool"}));
  row.server_lifetime = reader.optional_count("server_lifetime");
  row.pool_mode = reader.text("pool_mode");
  if (reader.has("load_balance_hosts")) row.load_balance_hosts = reader.text("load_balance_hosts");
  row.max_connections = reader.integer("max_connections");
  row.current_connections = reader.count("current_connections");
  row.max_client_connections = reader.optional_count("max_client_connections");
  row.is_paused = reader.flag("paused");
  row.is_disabled = reader.flag("disabled");
  return row;
}

ConfigRow read_setting(RowReader& reader) {
  ConfigRow row;
  row.key = reader.text("key");
  row.value = reader.text("value");
  if (reader.has("default")) row.default_value = reader.text("default");
  row.is_changeable = reader.flag("changeable");
  return row;
}

}  // namespace

Result<std::vector<PoolRow>> parse_pools(const Table& table) { return read_rows<PoolRow>(table, "POOLS", read_pool); }

Result<std::vector<StatsRow>> parse_stats(const Table& table) {
  return read_rows<StatsRow>(table, "STATS", read_stats);
}

Result<std::vector<DatabaseRow>> parse_databases(const Table& table) {
  return read_rows<DatabaseRow>(table, "DATABASES", read_database);
}

Result<std::vector<ServerRow>> parse_servers(const Table& table) {
  return read_rows<ServerRow>(table, "SERVERS", [](RowReader& reader) {
    return ServerRow{.database = reader.text("database"),
                     .user = reader.text("user"),
                     .remote_pid = reader.count("remote_pid"),
                     .is_close_needed = reader.flag("close_needed")};
  });
}

Result<std::vector<ConfigRow>> parse_config(const Table& table) {
  return read_rows<ConfigRow>(table, "CONFIG", read_setting);
}

Result<bool> parse_paused(const Table& table) {
  using Entry = std::pair<std::string, std::string>;
  PW_ASSIGN_OR_RETURN(const auto entries, read_rows<Entry>(table, "STATE", [](RowReader& reader) {
                        return Entry{reader.text("key"), reader.text("value")};
                      }));
  return std::find(entries.begin(), entries.end(), Entry{"paused", "yes"}) != entries.end();
}

Result<std::map<std::string, std::int64_t>> parse_lists(const Table& table) {
  using Entry = std::pair<std::string, std::int64_t>;
  PW_ASSIGN_OR_RETURN(const auto entries, read_rows<Entry>(table, "LISTS", [](RowReader& reader) {
                        return Entry{reader.text("list"), reader.count("items")};
                      }));
  return std::map<std::string, std::int64_t>(entries.begin(), entries.end());
}

Result<std::vector<std::string>> parse_users(const Table& table) {
  return read_rows<std::string>(table, "USERS", [](RowReader& reader) { return reader.text("name"); });
}

Result<std::string> parse_version(const Table& table) {
  PW_ASSIGN_OR_RETURN(const auto versions, read_rows<std::string>(table, "VERSION", [](RowReader& reader) {
                        return reader.text("version");
                      }));
  if (versions.size() != 1) {
    return make_error(ErrorKind::kProtocol, "SHOW VERSION: " + std::to_string(versions.size()) + " rows, not 1");
  }
  return versions.front();
}

std::string version_text(int server_version) {
  if (server_version <= 0) return "";
  return std::to_string(server_version / 10'000) + "." + std::to_string(server_version / 100 % 100) + "." +
         std::to_string(server_version % 100);
}

}  // namespace poolwright::pgbouncer

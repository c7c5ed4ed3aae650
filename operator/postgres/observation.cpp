#include "postgres/observation.h"

namespace poolwright::postgres {

const char* const kFactsQuery =
    "SELECT pg_catalog.current_setting('max_connections') AS max_connections,"
    " pg_catalog.current_setting('superuser_reserved_connections') AS superuser_reserved_connections,"
    " coalesce(pg_catalog.current_setting('reserved_connections', true), '0') AS reserved_connections,"
    " pg_catalog.current_setting('server_version_num') AS server_version_num,"
    " pg_catalog.pg_is_in_recovery() AS is_in_recovery,"
    " pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS sees_all_sessions";

const char* const kSystemIdentifierQuery = "SELECT system_identifier FROM pg_catalog.pg_control_system()";

// Without the right to see them, backend_type and state of other roles' sessions are NULL; they are counted all the
// same, since they take connections.
const char* const kSessionsQuery =
    "SELECT usename, datname, application_name, pg_catalog.host(client_addr) AS client_address, state,"
    " pg_catalog.count(*) AS sessions FROM pg_catalog.pg_stat_activity"
    " WHERE (backend_type = 'client backend' OR backend_type IS NULL) AND datname IS NOT NULL"
    " AND pid <> pg_catalog.pg_backend_pid()"
    " GROUP BY 1, 2, 3, 4, 5 ORDER BY 6 DESC, 1, 2, 3, 4, 5 LIMIT 501";

const char* const kIdleInTransactionQuery =
    "SELECT pid, usename, datname, application_name, pg_catalog.host(client_addr) AS client_address,"
    " extract(epoch FROM pg_catalog.clock_timestamp() - state_change) AS idle_seconds,"
    " extract(epoch FROM pg_catalog.clock_timestamp() - xact_start) AS transaction_seconds"
    " FROM pg_catalog.pg_stat_activity WHERE state LIKE 'idle in transaction%'"
    " AND xact_start IS NOT NULL ORDER BY state_change, pid LIMIT 200";

namespace {

template <typename Row, typename Read>
Result<std::vector<Row>> read_rows(const Table& table, Read read) {
  std::vector<Row> rows;
  rows.reserve(table.rows.size());
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    RowReader reader(table, i);
    rows.push_back(read(reader));
    PW_RETURN_IF_ERROR(reader.status());
  }
  return rows;
}

}  // namespace

Result<ServerFacts> parse_facts(const Table& table) {
  if (table.rows.size() != 1) {
    return make_error(ErrorKind::kProtocol, "read the server's settings: the answer has " +
                                                std::to_string(table.rows.size()) + " rows, not 1");
  }
  RowReader reader(table, 0);
  ServerFacts facts;
  facts.max_connections = reader.count("max_connections");
  facts.superuser_reserved_connections = reader.count("superuser_reserved_connections");
  facts.reserved_connections = reader.count("reserved_connections");
  facts.version = static_cast<int>(reader.count("server_version_num"));
  facts.is_in_recovery = reader.flag("is_in_recovery");
  facts.sees_all_sessions = reader.flag("sees_all_sessions");
  PW_RETURN_IF_ERROR(reader.status());
  return facts;
}

Result<std::vector<SessionGroup>> parse_sessions(const Table& table) {
  return read_rows<SessionGroup>(table, [](RowReader& reader) {
    return SessionGroup{.user = reader.text("usename"),
                        .database = reader.text("datname"),
                        .application_name = reader.text("application_name"),
                        .client_address = reader.text("client_address"),
                        .state = reader.text("state"),
                        .count = reader.count("sessions")};
  });
}

Result<std::vector<IdleInTransaction>> parse_idle_in_transaction(const Table& table) {
  return read_rows<IdleInTransaction>(table, [](RowReader& reader) {
    return IdleInTransaction{.pid = reader.count("pid"),
                             .user = reader.text("usename"),
                             .database = reader.text("datname"),
                             .application_name = reader.text("application_name"),
                             .client_address = reader.text("client_address"),
                             .idle_seconds = reader.number("idle_seconds"),
                             .transaction_seconds = reader.number("transaction_seconds")};
  });
}

SessionCount count_sessions(const ServerObservation& observation, const std::set<std::string>& pod_addresses) {
  SessionCount sessions;
  for (const SessionGroup& group : observation.sessions) {
    if (pod_addresses.contains(group.client_address)) {
      sessions.ours += group.count;
    } else {
      sessions.foreign += group.count;
      sessions.foreign_groups.push_back(group);
    }
  }
  return sessions;
}

}  // namespace poolwright::postgres

#include "postgres/observation.h"

namespace poolwright::postgres {

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
  facts.started_at_us = reader.count("started_at_us");
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
                             .transaction_seconds = reader.number("transaction_seconds"),
                             .mark = reader.text("mark")};
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

Result<std::string> end_session_query(std::int64_t pid, const std::string& mark) {
  if (mark.empty() || mark.find_first_not_of("0123456789-") != std::string::npos) {
    return make_error(ErrorKind::kInvalid, "end session " + std::to_string(pid) + ": it has no mark");
  }
  return "SELECT pid, pg_catalog.pg_terminate_backend(pid) AS ended FROM pg_catalog.pg_stat_activity WHERE pid = " +
         std::to_string(pid) + " AND state LIKE 'idle in transaction%' AND " PW_SESSION_MARK " = '" + mark + "'";
}

}  // namespace poolwright::postgres

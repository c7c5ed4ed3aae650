// What a PostgreSQL server allows and who is connected to it, as plain values; and who of them is not ours. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "postgres/table.h"

namespace poolwright::postgres {

/// Connections that are the same but for their process id.
struct SessionGroup {
  std::string user;
  std::string database;
  std::string application_name;
  std::string client_address;  // "" for a Unix socket, or if the role may not see it
  std::string state;           // "active", "idle", "idle in transaction", ...; "" if the role may not see it
  std::int64_t count = 0;
  friend bool operator==(const SessionGroup&, const SessionGroup&) = default;
};

struct IdleInTransaction {
  std::int64_t pid = 0;
  std::string user;
  std::string database;
  std::string application_name;
  std::string client_address;
  double idle_seconds = 0;         // since the last statement
  double transaction_seconds = 0;  // since the transaction began
  std::string mark;                // of this session in this state: see end_session_query
  friend bool operator==(const IdleInTransaction&, const IdleInTransaction&) = default;
};

/// Rows that are asked for at most; `sessions_are_complete` says whether there were more.
inline constexpr std::int64_t kSessionGroupsMax = 500;
inline constexpr std::int64_t kIdleInTransactionMax = 200;

struct ServerFacts {
  std::int64_t max_connections = 0;
  std::int64_t superuser_reserved_connections = 0;
  std::int64_t reserved_connections = 0;  // 16+, else 0
  int version = 0;                        // 150006
  bool is_in_recovery = false;            // a standby
  bool sees_all_sessions = false;         // pg_read_all_stats: else states of other roles are empty
  std::int64_t started_at_us = 0;         // since 1970
  std::string system_identifier;          // "" where the role may not read it
  friend bool operator==(const ServerFacts&, const ServerFacts&) = default;

  /// Connections that ordinary roles may have together.
  std::int64_t usable_connections() const {
    return max_connections - superuser_reserved_connections - reserved_connections;
  }
};

/// After a failure the values are those of the last success and `error` says what is wrong.
struct ServerObservation {
  bool is_connected = false;
  std::optional<MonotonicTime> observed_at;
  ServerFacts facts;
  std::vector<SessionGroup> sessions;  // largest first; our own observer is not in it
  bool sessions_are_complete = true;
  std::vector<IdleInTransaction> idle_in_transaction;  // longest first
  std::chrono::microseconds response_time{0};          // of SELECT 1
  std::optional<Error> error;
  int failures = 0;  // in a row
};

/// Sessions of `observation` by whether they come through poolers of ours.
struct SessionCount {
  std::int64_t ours = 0;
  std::int64_t foreign = 0;
  std::vector<SessionGroup> foreign_groups;
};
/// Ours are those whose client address is the address of one of our pods.
SessionCount count_sessions(const ServerObservation& observation, const std::set<std::string>& pod_addresses);

Result<ServerFacts> parse_facts(const Table& table);
Result<std::vector<SessionGroup>> parse_sessions(const Table& table);
Result<std::vector<IdleInTransaction>> parse_idle_in_transaction(const Table& table);

/// The queries whose answers the parsers read. They run with the least role; pg_monitor sees more.
inline constexpr const char* kFactsQuery =
    "SELECT pg_catalog.current_setting('max_connections') AS max_connections,"
    " pg_catalog.current_setting('superuser_reserved_connections') AS superuser_reserved_connections,"
    " coalesce(pg_catalog.current_setting('reserved_connections', true), '0') AS reserved_connections,"
    " pg_catalog.current_setting('server_version_num') AS server_version_num,"
    " pg_catalog.pg_is_in_recovery() AS is_in_recovery,"
    " (extract(epoch FROM pg_catalog.pg_postmaster_start_time()) * 1000000)::bigint AS started_at_us,"
    " pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS sees_all_sessions";

inline constexpr const char* kSystemIdentifierQuery = "SELECT system_identifier FROM pg_catalog.pg_control_system()";

// Without the right to see them, backend_type and state of other roles' sessions are NULL; they are counted all the
// same, since they take connections.
inline constexpr const char* kSessionsQuery =
    "SELECT usename, datname, application_name, pg_catalog.host(client_addr) AS client_address, state,"
    " pg_catalog.count(*) AS sessions FROM pg_catalog.pg_stat_activity"
    " WHERE (backend_type = 'client backend' OR backend_type IS NULL) AND datname IS NOT NULL"
    " AND pid <> pg_catalog.pg_backend_pid()"
    " GROUP BY 1, 2, 3, 4, 5 ORDER BY 6 DESC, 1, 2, 3, 4, 5 LIMIT 501";

// When the session, its transaction and its state began, to the microsecond: a session that has done anything since has
// another mark, and so has a later one with the same pid.
#define PW_SESSION_MARK                                                                \
  "pg_catalog.concat_ws('-', pg_catalog.to_char(backend_start, 'YYYYMMDDHH24MISSUS')," \
  " pg_catalog.to_char(xact_start, 'YYYYMMDDHH24MISSUS'),"                             \
  " pg_catalog.to_char(state_change, 'YYYYMMDDHH24MISSUS'))"

inline constexpr const char* kIdleInTransactionQuery =
    "SELECT pid, usename, datname, application_name, pg_catalog.host(client_addr) AS client_address,"
    " extract(epoch FROM pg_catalog.clock_timestamp() - state_change) AS idle_seconds,"
    " extract(epoch FROM pg_catalog.clock_timestamp() - xact_start) AS transaction_seconds, " PW_SESSION_MARK
    " AS mark"
    " FROM pg_catalog.pg_stat_activity WHERE state LIKE 'idle in transaction%'"
    " AND xact_start IS NOT NULL ORDER BY state_change, pid LIMIT 200";

/// Ends one session if it is still idle in the same transaction; the answer has a row where it was asked to end. The
/// role needs pg_signal_backend, or the role of the session. Invalid for a mark that no observation holds.
Result<std::string> end_session_query(std::int64_t pid, const std::string& mark);

}  // namespace poolwright::postgres

#include "postgres/pq_error.h"

#include <algorithm>
#include <array>

namespace poolwright::postgres {

namespace {

template <std::size_t N>
bool has_any(std::string_view text, const std::array<std::string_view, N>& parts) {
  return std::any_of(parts.begin(), parts.end(),
                     [text](std::string_view part) { return text.find(part) != std::string_view::npos; });
}

// libpq has no code for these: its messages are the only place where they can be told apart.
constexpr std::array<std::string_view, 9> kNonsense = {"lost synchronization",
                                                       "message contents do not agree",
                                                       "insufficient data",
                                                       "extraneous data",
                                                       "expected authentication request",
                                                       "invalid response to SSL negotiation",
                                                       "malformed",
                                                       "unexpected response",
                                                       "message type 0x"};

// PgBouncer's and PostgreSQL's ways to refuse a login. PgBouncer has no SQLSTATE of its own for most of them.
constexpr std::array<std::string_view, 9> kRefusedLogin = {"password authentication failed",
                                                           "SASL authentication failed",
                                                           "authentication failed",
                                                           "not allowed",
                                                           "no such user",
                                                           "no pg_hba.conf entry",
                                                           "login rejected",
                                                           "no password supplied",
                                                           "permission denied for database"};

}  // namespace

ErrorKind connect_error_kind(std::string_view text) {
  if (has_any(text, kNonsense)) return ErrorKind::kProtocol;
  if (has_any(text, kRefusedLogin)) return ErrorKind::kUnauthorized;
  return ErrorKind::kUnavailable;
}

ErrorKind query_error_kind(std::string_view sqlstate, std::string_view text) {
  if (sqlstate.empty()) return has_any(text, kNonsense) ? ErrorKind::kProtocol : ErrorKind::kUnavailable;
  // PgBouncer answers a stats user's RELOAD with its general SQLSTATE.
  if (sqlstate == "42501" || text.find("admin access needed") != std::string_view::npos) return ErrorKind::kForbidden;
  if (sqlstate == "57014") return ErrorKind::kDeadlineExceeded;  // cancelled by statement_timeout
  const std::string_view group = sqlstate.substr(0, 2);
  if (group == "28") return ErrorKind::kUnauthorized;
  // Out of resources, shutting down, lost: the same command may succeed later.
  if (group == "53" || group == "57" || group == "58" || group == "XX") return ErrorKind::kUnavailable;
  return ErrorKind::kInvalid;
}

}  // namespace poolwright::postgres

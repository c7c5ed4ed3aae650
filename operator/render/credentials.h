// Logins that the rendered files carry: the ones of the user's databases (read from the user's Secrets) and the two of
// the admin console (generated, kept in a Secret of ours, made anew on request). Reading a Secret refuses what
// PgBouncer, libpq and the URL readers would choke on, by the rules of api/credentials.h; a value is never part of an
// error. Thread rule: plain values, pure functions.
#pragma once

#include <optional>
#include <string>

#include "api/object.h"
#include "base/random.h"
#include "base/result.h"
#include "base/secret.h"

namespace poolwright::render {

/// One login. The password is in clear: PgBouncer cannot log a forced user in with a verifier.
struct Credentials {
  std::string username;
  SecretString password;
  friend bool operator==(const Credentials&, const Credentials&) = default;
};

/// The two logins of the admin console: one that changes, one that only reads.
struct ConsoleCredentials {
  Credentials admin;
  Credentials stats;
  /// Of the admin login, while a PgBouncer may not have taken the present one yet.
  std::optional<SecretString> previous_admin_password = {};
  std::string rotated_for = {};  // the request that these were made for, "" for none
  friend bool operator==(const ConsoleCredentials&, const ConsoleCredentials&) = default;
};

inline constexpr const char* kAdminUser = "poolwright_admin";
inline constexpr const char* kStatsUser = "poolwright_stats";
/// On the console Secret: ConsoleCredentials::rotated_for.
inline constexpr const char* kRotatedForAnnotation = "poolwright.dev/rotated-for";
/// PgBouncer's own name for its console; as a user it is allowed in by Unix socket without a password.
inline constexpr const char* kConsoleDatabase = "pgbouncer";

/// Whether PgBouncer, PostgreSQL and the URL readers can carry this login. Invalid, with the reason and never the
/// value.
Status check_credentials(const Credentials& credentials);

/// Keys `username` and `password` of a Secret (its `data`). Invalid where one is missing, empty or unusable.
Result<Credentials> read_credentials(const api::Json& secret);

/// Fresh console logins: fixed names, passwords of 40 letters and digits from `random`.
ConsoleCredentials generate_console_credentials(Random& random);

/// `data` of the console Secret.
api::Json console_secret_data(const ConsoleCredentials& console);

/// What a console Secret of ours (names.h) holds, annotation included. Invalid where it is damaged: the caller
/// generates new ones.
Result<ConsoleCredentials> read_console_credentials(const api::Json& secret);

}  // namespace poolwright::render

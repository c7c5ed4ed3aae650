// Does a PgBouncer run what was rendered? Compares the settings and database lines of a pgbouncer.ini with what SHOW
// CONFIG, SHOW DATABASES and SHOW USERS say. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pgbouncer/rows.h"

namespace poolwright::pgbouncer {

/// The setting that names a config: reloadable, without effect, visible in SHOW CONFIG.
inline constexpr const char* kMarkerKey = "syslog_ident";

/// One line of [databases]: the name and its options as they stand in the file, with or without quotes.
struct ExpectedDatabase {
  std::string name;
  std::map<std::string, std::string> options;
};

/// The value of an option without its quotes; "" where it is not there.
std::string option_of(const ExpectedDatabase& database, const std::string& option);

/// A rendered config. Values as they stand in the file, with or without quotes.
struct ExpectedConfig {
  std::map<std::string, std::string> settings;  // of [pgbouncer]
  std::vector<ExpectedDatabase> databases;
  std::string user_marker;  // a user that only this userlist has; "" if the userlist is not checked
};

/// Everything that was read back from one PgBouncer.
struct LiveConfig {
  std::vector<ConfigRow> settings;
  std::vector<DatabaseRow> databases;
  std::vector<std::string> users;
};

/// One thing that is not as rendered. `key` is "default_pool_size", "databases.app.pool_size", "users.<name>".
struct Difference {
  std::string key;
  std::string expected;
  std::string actual;
  bool is_default = false;     // PgBouncer runs its own default instead
  bool needs_restart = false;  // RELOAD does not change it
  friend bool operator==(const Difference&, const Difference&) = default;
};

struct VerifyResult {
  bool marker_matches = false;
  std::string marker;                  // that the PgBouncer shows
  std::vector<Difference> reloadable;  // must be empty for the config to be live
  std::vector<Difference> restart;     // differ, but only a restart changes them
  bool is_live() const { return marker_matches && reloadable.empty(); }
};

/// Values are compared in normal form: numbers by value ("1.5" and "1.500000", with the six digits that SHOW CONFIG
/// prints for times), booleans in all of their spellings, quotes taken away. Options of a database that no SHOW
/// tells (password, connect_query, ...) are not compared. A database that nobody rendered is a difference.
VerifyResult verify(const ExpectedConfig& expected, const LiveConfig& live);

/// "default_pool_size is 20, not 12 (default); ..." with at most `entries_max` entries and the number of the others.
std::string describe(const std::vector<Difference>& differences, std::size_t entries_max);

}  // namespace poolwright::pgbouncer

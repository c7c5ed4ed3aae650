// Who may open which database: PgBouncer's HBA file. A database has a forced user, so without these lines every known
// user could become every other one. Exactly the pairs (database, its user) get in, and the console's two users to the
// console. Thread rule: pure functions over plain values.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace poolwright::render {

struct HbaPair {
  std::string database;
  std::string username;
};

/// `requires_tls`: only connections with TLS match (hostssl). Every line is for IPv4 or IPv6; there is none for Unix
/// sockets. Invalid where a name cannot be written.
Result<std::string> hba_text(const std::vector<HbaPair>& pairs, bool requires_tls);

/// "say ""hi""" - quoted, a name is never a keyword ("all"), a group ("+x") or a file ("@x").
std::string quoted_name(std::string_view name);

}  // namespace poolwright::render

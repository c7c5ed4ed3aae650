// Connections that a pool may still have where its sizes do not count them: on a server that it was moved away from,
// and of a database that its spec no longer has. PgBouncer ends them with their transactions, and until then they are
// taken off the budget of their server. Thread rule: pure functions.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "run/sizing_input.h"

namespace poolwright::run {

struct Leftover {
  std::string server;     // server_name
  std::string database;   // that clients ask PgBouncer for
  std::string pod;        // UID
  bool may_grow = false;  // the pod may still be told what was decided before
  render::PodHold hold;   // by what is recorded on the pod
};

/// `names` of these functions: server_names of the server that the spec leads to.
using ServerNames = std::set<std::string>;

/// By what is recorded on the pods.
std::vector<Leftover> leftovers(const PoolSighting& pool, const ServerNames& names);

/// Live pods (UID) that were not told of the server yet. Where nothing is recorded, they were.
std::set<std::string> pods_elsewhere(const PoolSighting& pool, const ServerNames& names);

/// Pods run, and all of them are `elsewhere`.
bool is_arriving(const PoolSighting& pool, const std::set<std::string>& elsewhere);

/// All servers that the pods may reach, and the one that the spec names.
ServerNames reached_servers(const PoolSighting& pool);

}  // namespace poolwright::run

// Whether a ConnectionPool makes sense: the rules of the CRD once more, with the same messages (an object may have been
// stored before a rule existed), and those that the API server cannot check. Options of PgBouncer in
// spec.pgbouncer.parameters are judged by the option table of render/, here only their form.
// Thread rule: pure functions.
#pragma once

#include <string>
#include <vector>

#include "api/connection_pool.h"
#include "api/field_error.h"

namespace poolwright::api {

struct ValidationPolicy {
  /// PostgreSQL on this host's own loopback: true for local mode, tests and the demo. In a cluster the address would
  /// mean PgBouncer's own pod.
  bool allow_loopback_hosts = false;
  /// Name of the pool's own Service, which cannot be its PostgreSQL; "" stands for "<name>-pool".
  std::string own_service_name = {};
};

/// Every error of the resource, in the order of its fields; empty where it is good.
std::vector<FieldError> validate(const ConnectionPool& pool, const ValidationPolicy& policy = {});

}  // namespace poolwright::api

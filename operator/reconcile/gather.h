// Collects what a decision about one pool needs: from the cache where watches keep it fresh, by GET where not.
// Thread rule: any thread; requests block until the limits at most.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "api/object_store.h"
#include "base/random.h"
#include "base/result.h"
#include "reconcile/decide.h"
#include "reconcile/facts.h"
#include "reconcile/secret_reader.h"

namespace poolwright::reconcile {

struct GatherParts {
  api::ObjectStore& store;
  SecretReader& secrets;
  Random& random;              // for the logins of a new console
  bool fresh_secrets = false;  // read the user's Secrets anew, whatever is remembered
};

/// A pod that holds no connection any more.
bool has_ended(const api::Json& pod);

/// A pod that does not start before the operator lets it (PodFacts::at_gate).
bool is_at_gate(const api::Json& pod);

/// Pods of all pools in the cache, by namespace and pool label, without those that have ended.
using PodsByPool = std::map<std::pair<std::string, std::string>, std::vector<PodFacts>>;
PodsByPool running_pods(const api::ObjectStore& store);

/// What the cache tells of a pool that runs: recorded sizes, Deployment and its pods, of `pods` where they are read
/// already.
void gather_running(const api::ObjectStore& store, Facts& facts);
void gather_running(const api::ObjectStore& store, const PodsByPool& pods, Facts& facts);

/// What can be known before anything is rendered. Failures of single Secrets and workloads are part of the facts; an
/// error is returned only where going on would mean to guess (the API server does not answer).
Result<Facts> gather_facts(const GatherParts& parts, const api::ConnectionPool& pool, const CallLimits& limits);

/// What is stored under the names that the decision wants, and what of this pool may have to go. `stored_status` only
/// hints at Secrets of databases that are gone; ownership is checked on the objects themselves.
Result<StoredObjects> gather_stored(const GatherParts& parts, const Facts& facts, const Decision& decision,
                                    const api::Json& stored_status, const CallLimits& limits);

}  // namespace poolwright::reconcile

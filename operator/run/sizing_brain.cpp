#include "run/sizing_brain.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "run/sizing_words.h"

namespace poolwright::run {

namespace {

using api::Database;

constexpr std::size_t kTakersTold = 10;
// A pool that shrinks by itself has done so after two looks.
constexpr int kTicksAbove = 3;
// Connections that must be free on the server before others are closed and opened anew.
constexpr std::int64_t kFreeConnections = 3;

double seconds_of(MonotonicTime time) { return std::chrono::duration<double>(time.time_since_epoch()).count(); }

PoolKey key_of(const PoolSighting& pool) { return {pool.facts.pool.namespace_name, pool.facts.pool.name}; }

int total_of(const sizing::PoolInput& input) { return input.pods * (input.size + input.limits.reserve_per_pod); }

/// Connections that the pods may have by what they run now; a pod that was not seen counts with its share.
int running_now(const sizing::PoolInput& input) {
  int sum = 0;
  for (const sizing::PodInput& pod : input.pod_inputs) {
    const bool is_seen = pod.observation && is_usable(*pod.observation);
    sum += is_seen ? pod.observation->pool_size + pod.observation->reserve : input.size + input.limits.reserve_per_pod;
  }
  return sum;
}

/// The total that means `per_pod` on each of `pods` beside what stopping ones hold: the one that stood before, or the
/// initial one, where they do.
int total_for(const Database& database, int per_pod, int pods, int stopping, std::optional<int> before) {
  const auto share = [&](int total) { return std::max(1, (total - stopping) / pods); };
  const int initial = api::initial_size(database.pool_size);
  if (before && share(*before) == per_pod) return *before;
  if (share(initial) == per_pod) return initial;
  return per_pod * pods + stopping;
}

/// The most that a pod was told by whoever was here before, as it is recorded on the pods; nothing where one has no
/// record.
std::optional<int> recorded_most(const reconcile::Facts& facts, const Database& database) {
  int most = 0;
  for (const reconcile::PodFacts& pod : facts.pods) {
    if (!reconcile::is_live(pod)) continue;
    if (!pod.may_hold) return std::nullopt;
    most = std::max(most, reconcile::may_hold(pod, database).size);
  }
  return most;
}

/// New pods wait until the others have given back their share.
bool has_pods_at_gate(const reconcile::Facts& facts) {
  return std::any_of(facts.pods.begin(), facts.pods.end(),
                     [](const reconcile::PodFacts& pod) { return pod.at_gate && !pod.terminating; });
}

}  // namespace

int SizingBrain::RecentMax::add(MonotonicTime now, int value, Duration part) {
  if (now - since >= part) {
    previous = now - since >= 2 * part ? 0 : current;
    current = 0;
    since = now;
  }
  current = std::max(current, value);
  return std::max(current, previous);
}

void SizingBrain::confirm(const PoolKey& pool, const std::string& pod, std::int64_t serial) {
  const auto found = pools_.find(pool);
  if (found == pools_.end()) return;
  for (auto& [name, database] : found->second.databases) database.ledger.confirm(pod, serial);
}

void SizingBrain::set_refused(const PoolKey& pool, bool is_refused) {
  const auto found = pools_.find(pool);
  if (found != pools_.end()) found->second.is_refused = is_refused;
}

void SizingBrain::logins_checked(const PoolKey& pool, bool are_let_in, MonotonicTime now) {
  const auto found = pools_.find(pool);
  if (found == pools_.end()) return;
  found->second.is_login_asked = false;
  found->second.logins_proven_at = are_let_in ? std::optional(now) : std::nullopt;
}

/// Of every name that a spec or a pod knows the first one of the same server.
std::map<std::string, std::string> SizingBrain::name_servers(const SizingWorld& world) {
  ServerNames names;
  for (const PoolSighting& pool : world.pools) names.merge(reached_servers(pool));
  identify(names, world.servers, identities_);
  return same_servers(names, identities_);
}

SizingBrain::PoolState& SizingBrain::state_of(const PoolSighting& pool, MonotonicTime now, const ServerNames& names) {
  PoolState& state = pools_[key_of(pool)];
  if (state.uid != pool.facts.pool.uid) {
    state = PoolState{};
    state.uid = pool.facts.pool.uid;
    state.first_seen = now;
  }
  std::set<std::string> databases;
  std::vector<std::string> pods;
  for (const Database& database : pool.facts.pool.spec.databases) databases.insert(database.name);
  for (const std::string& name : databases) state.databases[name];
  for (const reconcile::PodFacts& pod : pool.facts.pods) {
    if (reconcile::is_live(pod)) pods.push_back(pod.uid);
    // What a database that was taken out of the spec was told still counts.
    for (const auto& [name, hold] : pod.may_hold.value_or(render::PodHolds{})) databases.insert(name);
  }
  std::erase_if(state.databases, [&](const auto& entry) { return !databases.contains(entry.first); });
  const bool is_moved = std::none_of(state.server.begin(), state.server.end(),
                                     [&](const std::string& name) { return names.contains(name); });
  state.server = names;
  for (auto& [name, known] : state.databases) {
    known.ledger.retain(pods);
    std::erase_if(known.held_by_pod,
                  [&](const auto& entry) { return std::find(pods.begin(), pods.end(), entry.first) == pods.end(); });
    if (!is_moved) continue;
    known.total.reset();
    known.issued_per_pod = 0;
  }
  return state;
}

SizingOutcome SizingBrain::decide(const SizingWorld& world) {
  SizingOutcome outcome;
  auto snapshot = std::make_shared<SizingSnapshot>();
  snapshot->serial = ++snapshot_serial_;
  snapshot->now = world.now;
  snapshot->wall_now = world.wall_now;

  const std::map<std::string, std::string> same = name_servers(world);
  std::map<std::string, ServerNames> names;  // by the first of them
  for (const auto& [name, first] : same) names[first].insert(name);
  for (const PoolSighting& pool : world.pools) {
    state_of(pool, world.now, names.at(same.at(server_name(pool.facts.pool))));
  }
  std::map<std::string, Group> groups = group(world, same);
  set_leftovers_aside(world, same, groups);
  std::erase_if(servers_, [&](const auto& entry) { return !groups.contains(entry.first); });
  for (auto& [id, group] : groups) {
    const auto [known, is_new] = servers_.try_emplace(id, parameters_);
    ServerState& server = known->second;
    group.is_new = is_new;
    fill_input(group, server, world.now);
    group.decision = server.sizer.decide(group.input);
    const sizing::GuardState guard = group.decision.guard_state;
    // A test of a saturated server says nothing new until it is over.
    if (guard != sizing::GuardState::kTesting) server.is_saturated = guard == sizing::GuardState::kSaturated;
    for (const PoolSighting* pool : group.pools) take_sizes(group, *pool, outcome.pools[key_of(*pool)]);
    add_to_snapshot(group, server, world, *snapshot);
    for (const PoolSighting* pool : group.pools) {
      report(group, server, *pool, world.now, outcome.pools[key_of(*pool)]);
    }
    find_reconnects(group, server, world.now, outcome);
  }
  std::erase_if(pools_, [&](const auto& entry) { return !outcome.pools.contains(entry.first); });
  std::sort(snapshot->databases.begin(), snapshot->databases.end(),
            [](const DatabaseSizing& a, const DatabaseSizing& b) {
              return std::tie(a.namespace_name, a.pool, a.database) < std::tie(b.namespace_name, b.pool, b.database);
            });
  while (changes_.size() > SizingSnapshot::kChangesMax) changes_.pop_front();
  snapshot->changes.assign(changes_.begin(), changes_.end());
  outcome.snapshot = std::move(snapshot);
  return outcome;
}

std::map<std::string, SizingBrain::Group> SizingBrain::group(const SizingWorld& world,
                                                             const std::map<std::string, std::string>& same) {
  std::map<std::string, Group> groups;
  for (const PoolSighting& pool : world.pools) {
    const std::string name = server_name(pool.facts.pool);
    Group& group = groups[same.at(name)];
    group.id = same.at(name);
    group.pools.push_back(&pool);
    const auto seen = world.servers.find(name);
    if (seen == world.servers.end() || !seen->second) continue;
    // Of several observers of one server, the one that got in.
    if (group.seen && (group.seen->observed_at || !seen->second->observed_at)) continue;
    group.seen = seen->second;
    group.seen_as = name;
  }
  return groups;
}

void SizingBrain::set_leftovers_aside(const SizingWorld& world, const std::map<std::string, std::string>& same,
                                      std::map<std::string, Group>& groups) {
  for (const PoolSighting& pool : world.pools) {
    PoolState& state = pools_.at(key_of(pool));
    std::map<std::pair<std::string, std::string>, int> sums;
    for (const Leftover& left : leftovers(pool, state.server)) {
      const auto known = state.databases.find(left.database);
      // Until a pod has confirmed something newer, it may come to have what it was told last.
      const bool may_grow = left.may_grow && known != state.databases.end();
      const int ceiling = may_grow ? known->second.ledger.ceiling(left.pod) : 0;
      sums[{same.at(left.server), left.database}] += std::max(ceiling, left.hold.size) + left.hold.reserve;
    }
    // PostgreSQL needs a moment to end what PgBouncer has closed.
    for (const auto& [where, recent] : state.leftovers) sums.try_emplace(where, 0);
    for (const auto& [where, sum] : sums) {
      const auto& [group_id, database] = where;
      const int count = state.leftovers[where].add(world.now, sum, kClosingPart);
      if (count == 0) state.leftovers.erase(where);
      const auto group = groups.find(group_id);
      if (count == 0 || group == groups.end()) continue;  // no pool is there any more
      group->second.set_aside += count;
      group->second.left.emplace_back(count, sizing_id(pool.facts.pool, database) + " (left behind)");
      const auto known = state.databases.find(database);
      if (known != state.databases.end()) group->second.left_sessions[known->second.login] += count;
    }
  }
}

void SizingBrain::measure_capacity(Group& group, ServerState& server, MonotonicTime now) {
  OwnSessions own = group.left_sessions;
  int held = 0;
  for (const PoolSighting* pool : group.pools) {
    PoolState& state = pools_.at(key_of(*pool));
    for (const Database& database : pool->facts.pool.spec.databases) {
      const int held_now = held_by(*pool, database.name);
      DatabaseState& known = state.databases.at(database.name);
      const int recent = known.held.add(now, held_now, kOwnPart);
      held += held_now;
      const std::string user = login_user(*pool, database.name);
      if (!user.empty()) known.login = {user, api::server_database(database)};
      own[known.login] += recent + room_now(pool->facts, database).stopping.total();
      if (!group.seen) continue;
      const auto sessions = idle_sessions(*group.seen, api::server_database(database), user);
      group.leaks[sizing_id(pool->facts.pool, database.name)] = sizing::find_leaks(sessions, leak_policy_of(*pool));
    }
  }
  if (held > server.held_before) {
    server.grew_at = now;
    server.has_grown = true;
  }
  server.held_before = held;
  if (!group.seen || !group.seen->observed_at || server.counted_at == group.seen->observed_at) return;
  server.counted_at = group.seen->observed_at;
  const postgres::ServerFacts& facts = group.seen->facts;
  server.capacity = {.max_connections = static_cast<int>(facts.max_connections),
                     .superuser_reserved = static_cast<int>(facts.superuser_reserved_connections),
                     .reserved = static_cast<int>(facts.reserved_connections),
                     .foreign_sessions = server.foreign.add(seconds_of(now), foreign_sessions(*group.seen, own))};
}

int SizingBrain::held_lately(DatabaseState& known, const PoolSighting& pool, const std::string& uid,
                             const std::string& database, MonotonicTime now) {
  const auto seen = pool.seen.find(uid);
  if (seen == pool.seen.end() || !seen->second) return 0;
  const auto observation = observation_of(*seen->second, database);
  return observation ? known.held_by_pod[uid].add(now, sizing::held(observation->gauges), kClosingPart) : 0;
}

void SizingBrain::fill_input(Group& group, ServerState& server, MonotonicTime now) {
  measure_capacity(group, server, now);
  sizing::DeclaredBudget declared;
  for (const PoolSighting* pool : group.pools) {
    const api::ConnectionBudget& said = pool->facts.pool.spec.postgres.connection_budget;
    if (said.max) declared.max = std::min(declared.max.value_or(*said.max), *said.max);
    declared.reserved = std::max(declared.reserved, said.reserved);
  }
  group.budget = sizing::derive_budget(declared, server.capacity);
  group.input.time_s = seconds_of(now);
  group.input.budget = group.budget.connections;
  for (const PoolSighting* pool : group.pools) {
    PoolState& state = pools_.at(key_of(*pool));
    const std::set<std::string> elsewhere = pods_elsewhere(*pool, state.server);
    const bool arrives = is_arriving(*pool, elsewhere);
    for (const Database& database : pool->facts.pool.spec.databases) {
      DatabaseState& known = state.databases.at(database.name);
      const reconcile::Room room = room_now(pool->facts, database);
      const int pods = room.pods;
      known.stopping = room.stopping;
      group.set_aside += known.stopping.total();
      const std::string id = sizing_id(pool->facts.pool, database.name);
      DatabaseMemory memory;
      const auto recorded = pool->facts.sizes.find(database.name);
      // What cannot be told to the pods stays as it is recorded.
      const bool stands_still = state.is_refused || pool->is_paused;
      if (stands_still && arrives) known.total.reset();  // it is not on its way yet
      if (stands_still && !arrives && recorded != pool->facts.sizes.end()) known.total = recorded->second;
      if (known.total) memory.size_per_pod = std::max(1, (*known.total - known.stopping.size) / pods);
      const int reserve = std::max(0, database.reserve_pool_size - known.stopping.reserve) / pods;
      for (const reconcile::PodFacts& pod : pool->facts.pods) {
        const int closing = held_lately(known, *pool, pod.uid, database.name, now) - reserve;
        memory.ceilings[pod.uid] = std::max(known.ledger.ceiling(pod.uid), closing);
      }
      const auto leak = group.leaks.find(id);
      if (leak != group.leaks.end()) memory.leaked = leak->second.count;
      memory.is_arriving = arrives;
      memory.pods_elsewhere = elsewhere;
      sizing::PoolInput input = pool_input(*pool, database, memory);
      if (stands_still) input.mode = sizing::SizingMode::kRecommend;
      const bool is_first =
          !known.total && !arrives && recorded != pool->facts.sizes.end() && !pool->facts.pods.empty();
      if (is_first) {
        // What a process before this one sent is recorded on the pods, else it is any size that the spec allows; each
        // pod counts with the largest until it has confirmed one of ours.
        const int allowed = sizing::per_pod(input.limits, pods).max;
        const int largest = recorded_most(pool->facts, database).value_or(allowed);
        known.ledger.issue(++state.serial, largest);
        for (sizing::PodInput& pod : input.pod_inputs) pod.ceiling = std::max(pod.ceiling, largest);
      }
      if (!known.total && recorded != pool->facts.sizes.end()) known.total = recorded->second;
      group.input.pools.push_back(std::move(input));
    }
  }
  group.input.budget = std::max(0, group.budget.connections - group.set_aside);
}

void SizingBrain::take_sizes(Group& group, const PoolSighting& pool, PoolOutcome& outcome) {
  PoolState& state = pools_.at(key_of(pool));
  const bool fits = group.decision.committed_after <= group.input.budget;
  outcome.generation = pool.facts.pool.generation;
  bool is_new_setting = false;
  for (const Database& database : pool.facts.pool.spec.databases) {
    DatabaseState& known = state.databases.at(database.name);
    const std::string id = sizing_id(pool.facts.pool, database.name);
    const sizing::PoolDecision* decision = decision_for(group.decision, id);
    const auto input = std::find_if(group.input.pools.begin(), group.input.pools.end(),
                                    [&](const sizing::PoolInput& given) { return given.id == id; });
    if (decision == nullptr || input == group.input.pools.end()) continue;
    known.total = total_for(database, decision->size, input->pods, known.stopping.size, known.total);
    sizing::PoolInput decided = *input;
    decided.size = decision->size;
    // Above the budget nothing may be opened beyond what runs; what is smaller may always be told.
    const int live = fits ? total_of(decided) : std::min(total_of(decided), running_now(*input));
    const int approved = live + known.stopping.total();
    outcome.advice.sizes[database.name] = {.size = *known.total, .approved = approved};
    is_new_setting = is_new_setting || known.issued_per_pod != decision->size;
  }
  if (is_new_setting) {
    ++state.serial;
    for (const Database& database : pool.facts.pool.spec.databases) {
      DatabaseState& known = state.databases.at(database.name);
      known.issued_per_pod = decision_for(group.decision, sizing_id(pool.facts.pool, database.name))->size;
      known.ledger.issue(state.serial, known.issued_per_pod);
    }
  }
  outcome.advice.serial = state.serial;
  for (const auto& [name, advice] : outcome.advice.sizes) {
    const auto before = state.advised.find(name);
    const bool is_same = before != state.advised.end() && before->second.size == advice.size &&
                         before->second.approved == advice.approved;
    outcome.is_news = outcome.is_news || !is_same;
  }
  state.advised = outcome.advice.sizes;
}

void SizingBrain::report(const Group& group, const ServerState& server, const PoolSighting& pool, MonotonicTime now,
                         PoolOutcome& outcome) {
  PoolState& state = pools_.at(key_of(pool));
  bool is_fresh = true;
  for (const Database& database : pool.facts.pool.spec.databases) {
    const auto* decision = decision_for(group.decision, sizing_id(pool.facts.pool, database.name));
    is_fresh = is_fresh && decision != nullptr && decision->why.doubt == sizing::Doubt::kNone;
  }
  outcome.advice.hold_reason = "the budget of " + group.id + " is " + group.budget.arithmetic +
                               (group.who_takes_what.empty() ? "" : "; allowed now: " + group.who_takes_what);
  const bool is_settled = is_fresh || pool.facts.pods.empty() || now - state.first_seen >= kSettle;
  if (is_settled) {
    reconcile::SizingReport made =
        make_report({.pool = pool,
                     .now = now,
                     .server = group.id,
                     .budget = group.budget,
                     .decision = group.decision,
                     .leaks = group.leaks,
                     .sizes = outcome.advice.sizes,
                     .who_takes_what = group.who_takes_what,
                     .is_saturated = server.is_saturated,
                     .sees_leaks = group.seen && group.seen->observed_at && group.seen->facts.sees_all_sessions});
    const std::string urgent = urgent_key(made);
    const std::string all = full_key(made, group.budget);
    const bool is_due = now - state.reported_at >= kReportPeriod && all != state.report_all;
    if (!state.report || urgent != state.report_urgent || is_due) {
      state.report = std::move(made);
      state.report_urgent = urgent;
      state.report_all = all;
      state.reported_at = now;
      outcome.is_news = true;
    }
  }
  outcome.advice.report = state.report;
}

/// What holds more than its live size allows for some looks, and was not closed lately. Not while a connection logs in:
/// a RECONNECT would end that and count it as refused (quiet_logins.h), and above its size PgBouncer begins no other.
std::vector<Reconnect> SizingBrain::pods_above(const PoolSighting& pool, MonotonicTime now) {
  std::vector<Reconnect> above;
  for (const Database& database : pool.facts.pool.spec.databases) {
    DatabaseState& known = pools_.at(key_of(pool)).databases.at(database.name);
    for (const reconcile::PodFacts& pod : pool.facts.pods) {
      const auto seen = pool.seen.find(pod.uid);
      if (seen == pool.seen.end() || !seen->second || !reconcile::is_live(pod)) continue;
      const auto observation = observation_of(*seen->second, database.name);
      const bool is_above = observation && observation->pool_size == known.issued_per_pod && !observation->is_paused &&
                            sizing::held(observation->gauges) > observation->pool_size + observation->reserve;
      int& ticks = known.ticks_above[pod.uid];
      ticks = is_above ? ticks + 1 : 0;
      const auto last = known.reconnected_at.find(pod.uid);
      const bool is_soon = last != known.reconnected_at.end() && now - last->second < kReconnectPeriod;
      const bool is_quiet = observation && observation->gauges.sv_login == 0;
      if (ticks >= kTicksAbove && is_quiet && !is_soon) above.push_back({.pod = pod.uid, .database = database.name});
    }
  }
  return above;
}

/// The advice asks until it is answered, for a while: the reconciler may be busy.
void SizingBrain::ask_for_logins(PoolState& state, MonotonicTime now, PoolOutcome& outcome) {
  if (!state.logins_asked_at || now - *state.logins_asked_at >= kLoginCheckPeriod) {
    state.logins_asked_at = now;
    state.is_login_asked = true;
    outcome.is_news = true;
  }
  outcome.advice.check_logins = state.is_login_asked;
}

void SizingBrain::find_reconnects(const Group& group, const ServerState& server, MonotonicTime now,
                                  SizingOutcome& outcome) {
  const auto waits = [](const sizing::PoolDecision& pool) {
    return pool.why.reason == sizing::Reason::kTransition || !pool.is_admitted;
  };
  const bool others_wait = group.decision.committed_before > group.input.budget ||
                           std::any_of(group.decision.pools.begin(), group.decision.pools.end(), waits);
  // A refused login would empty the pool and drop its clients: only where logins are seen to work.
  bool logins_work = server.has_grown && now - server.grew_at < std::chrono::seconds{60};
  const bool is_observed = group.seen && group.seen->observed_at;
  if (is_observed) {
    std::int64_t connections = 0;
    for (const postgres::SessionGroup& sessions : group.seen->sessions) connections += sessions.count;
    logins_work = group.seen->is_connected && !group.seen->error &&
                  connections + kFreeConnections < group.seen->facts.usable_connections();
  }
  for (const PoolSighting* pool : group.pools) {
    PoolState& state = pools_.at(key_of(*pool));
    const std::vector<Reconnect> above = pods_above(*pool, now);
    if (above.empty() || !(others_wait || has_pods_at_gate(pool->facts))) continue;
    const bool is_proven = state.logins_proven_at && now - *state.logins_proven_at < kLoginsProven;
    // What an observer sees counts; the pool's own logins are tried only where there is none.
    if (!logins_work && (is_observed || !is_proven)) {
      if (!is_observed) ask_for_logins(state, now, outcome.pools.at(key_of(*pool)));
      continue;
    }
    for (const Reconnect& one : above) state.databases.at(one.database).reconnected_at[one.pod] = now;
    outcome.reconnects.insert(outcome.reconnects.end(), above.begin(), above.end());
  }
}

namespace {

LeakSighting leak_of(const ServerSeen& seen, const PoolSighting& pool, const sizing::LeakReport& leak) {
  LeakSighting sighting;
  sighting.is_known = seen && seen->observed_at && seen->facts.sees_all_sessions;
  sighting.count = leak.count;
  sighting.oldest_s = leak.oldest_s;
  for (const sizing::Session& session : leak.oldest) sighting.pids.push_back(session.pid);
  if (!leak.oldest.empty()) sighting.application_name = leak.oldest.front().application_name;
  const sizing::LeakPolicy policy = leak_policy_of(pool);
  sighting.text = describe(leak, policy);
  if (leak.overdue.empty()) return sighting;
  sighting.overdue = {.sessions = leak.overdue, .limit_s = policy.terminate_after_s};
  for (const auto& [uid, console] : pool.seen) sighting.overdue.pods.push_back(uid);
  return sighting;
}

void add_numbers(DatabaseSizing& sizing, const sizing::PoolDecision& decision, const sizing::PoolInput& input) {
  const sizing::Explanation& numbers = decision.why;
  sizing.pods = input.pods;
  sizing.size_per_pod = decision.size;
  sizing.recommended = std::int64_t{decision.recommended} * numbers.pods;
  sizing.reason = to_string(numbers.reason);
  sizing.why = why(numbers);
  sizing.what_would_change = what_would_change(numbers);
  sizing.committed = committed_now(input);
  for (const sizing::PodInput& pod : input.pod_inputs) {
    if (!pod.observation) continue;
    sizing.held += held(pod.observation->gauges);
    sizing.waiting = sizing.waiting.value_or(0) + pod.observation->gauges.cl_waiting;
  }
  if (sizing.waiting) sizing.utilization = numbers.busy / std::max(1, numbers.size * numbers.pods);
  sizing.is_fresh = numbers.doubt == sizing::Doubt::kNone;
  sizing.numbers = numbers;
}

std::string takers(std::vector<std::pair<int, std::string>> shares) {
  std::sort(shares.begin(), shares.end(),
            [](const auto& a, const auto& b) { return a.first != b.first ? a.first > b.first : a.second < b.second; });
  std::string text;
  for (std::size_t i = 0; i < std::min(shares.size(), kTakersTold); ++i) {
    text += (i == 0 ? "" : ", ") + shares[i].second + " " + std::to_string(shares[i].first);
  }
  if (shares.size() > kTakersTold) text += " and " + std::to_string(shares.size() - kTakersTold) + " more";
  return text;
}

ServerSizing describe_server(const std::string& id, const ServerSeen& seen) {
  ServerSizing sizing{.id = id};
  if (!seen) return sizing;
  if (seen->error) sizing.problem = seen->error->message;
  if (!seen->observed_at) return sizing;
  sizing.is_observed = seen->is_connected && !seen->error;
  sizing.system_identifier = seen->facts.system_identifier;
  sizing.version = seen->facts.version;
  sizing.response_ms = std::chrono::duration<double, std::milli>(seen->response_time).count();
  sizing.max_connections = seen->facts.max_connections;
  sizing.connections = 0;
  for (const postgres::SessionGroup& group : seen->sessions) *sizing.connections += group.count;
  return sizing;
}

}  // namespace

void SizingBrain::add_to_snapshot(Group& group, const ServerState& server, const SizingWorld& world,
                                  SizingSnapshot& snapshot) {
  ServerSizing about = describe_server(group.id, group.seen);
  std::vector<std::pair<int, std::string>> shares = group.left;
  for (const PoolSighting* pool : group.pools) {
    const PoolState& state = pools_.at(key_of(*pool));
    for (const Database& database : pool->facts.pool.spec.databases) {
      const std::string id = sizing_id(pool->facts.pool, database.name);
      const auto* decision = decision_for(group.decision, id);
      const auto input = std::find_if(group.input.pools.begin(), group.input.pools.end(),
                                      [&](const sizing::PoolInput& given) { return given.id == id; });
      if (decision == nullptr || input == group.input.pools.end()) continue;
      DatabaseSizing sizing{.namespace_name = pool->facts.pool.namespace_name,
                            .pool = pool->facts.pool.name,
                            .database = database.name,
                            .server = group.id,
                            .mode = pool->facts.pool.spec.sizing.mode,
                            .size = state.databases.at(database.name).total.value_or(0),
                            .size_min = database.pool_size.min,
                            .size_max = database.pool_size.max,
                            .reserve = std::int64_t{input->pods} * input->limits.reserve_per_pod};
      const render::PodHold& stopping = state.databases.at(database.name).stopping;
      add_numbers(sizing, *decision, *input);
      sizing.committed += stopping.total();
      const auto leak = group.leaks.find(id);
      sizing.leak = leak_of(group.seen, *pool, leak == group.leaks.end() ? sizing::LeakReport{} : leak->second);
      sizing.leak.overdue.server = group.seen_as;
      sizing.leak.overdue.user = login_user(*pool, database.name);
      about.held += sizing.held;
      shares.emplace_back(state.advised.at(database.name).approved, id);
      if (decision->size != input->size) {
        changes_.push_back({.serial = ++change_serial_,
                            .time = world.wall_now,
                            .namespace_name = sizing.namespace_name,
                            .pool = sizing.pool,
                            .database = sizing.database,
                            .size_before = std::int64_t{input->size} * input->pods + stopping.size,
                            .size = sizing.size,
                            .reason = sizing.reason,
                            .text = sizing.why});
      }
      snapshot.databases.push_back(std::move(sizing));
    }
  }
  group.who_takes_what = takers(std::move(shares));
  about.budget = group.budget;
  about.committed = group.decision.committed_before + group.set_aside;
  about.guard_state = group.decision.guard_state;
  about.is_saturated = server.is_saturated;
  about.is_budget_exceeded = group.decision.is_budget_exceeded;
  about.who_takes_what = group.who_takes_what;
  about.record = std::make_shared<const sizing::ObservationRecord>(sizing::ObservationRecord{
      .server = group.id, .begins = group.is_new, .input = group.input, .parameters = parameters_});
  snapshot.servers.push_back(std::move(about));
}

}  // namespace poolwright::run

#include "run/leak_ender.h"

#include <algorithm>
#include <set>

#include "base/rest.h"
#include "postgres/pending.h"
#include "sizing/leaks.h"

namespace poolwright::run {

namespace {

LeakEnder::PoolKey key_of(const DatabaseSizing& database) { return {database.namespace_name, database.pool}; }

std::string words_of(const std::vector<sizing::Session>& sessions, double limit_s) {
  sizing::LeakReport report{.count = static_cast<int>(sessions.size()), .oldest = sessions};
  if (!sessions.empty()) report.oldest_s = sessions.front().state_age_s;
  return sizing::describe(report, {.age_s = limit_s});
}

}  // namespace

void LeakEnder::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void LeakEnder::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

std::map<LeakEnder::PoolKey, std::uint64_t> LeakEnder::ended() const {
  const MutexLock lock(mutex_);
  return ended_;
}

void LeakEnder::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    tick(stop);
    rest(kPeriod, stop);
  }
}

void LeakEnder::tick(const std::stop_token& stop) {
  if (!parts_.may_end()) return;
  const auto snapshot = parts_.sizing.newest();
  if (snapshot->serial == std::exchange(seen_, snapshot->serial)) return;
  forget_gone(*snapshot);
  std::size_t left = kEndedMax;
  for (const DatabaseSizing& database : snapshot->databases) {
    const bool is_overdue = !database.leak.overdue.sessions.empty();
    if (is_overdue && left > 0 && !stop.stop_requested()) end_overdue(database, left, stop);
  }
}

std::vector<sizing::Session> LeakEnder::own_sessions(const DatabaseSizing& database, const std::stop_token& stop) {
  const OverdueSessions& overdue = database.leak.overdue;
  std::set<std::int64_t> pids;
  for (const std::string& pod : overdue.pods) {
    const auto console = parts_.fleet.console(pod);
    const auto rows =
        pgbouncer::show_servers(*console, {.deadline = Deadline(parts_.clock, kQuestionLimit), .stop = stop});
    if (!rows) continue;  // what cannot be seen to be ours is left alone
    for (const pgbouncer::ServerRow& row : *rows) {
      if (row.database == database.database && row.user == overdue.user) pids.insert(row.remote_pid);
    }
  }
  std::vector<sizing::Session> own;
  std::copy_if(overdue.sessions.begin(), overdue.sessions.end(), std::back_inserter(own),
               [&](const sizing::Session& session) { return pids.contains(session.pid); });
  return own;
}

void LeakEnder::end_overdue(const DatabaseSizing& database, std::size_t& left, const std::stop_token& stop) {
  const auto refused = refused_.find({key_of(database), database.database});
  if (refused != refused_.end() && parts_.clock.now() < refused->second.again_at) return;
  std::vector<sizing::Session> own = own_sessions(database, stop);
  if (own.size() > left) own.resize(left);
  if (own.empty()) return;
  left -= own.size();
  std::vector<postgres::SessionMark> marks;
  marks.reserve(own.size());
  for (const sizing::Session& session : own) marks.push_back({.pid = session.pid, .mark = session.mark});
  using Pids = std::vector<std::int64_t>;
  const auto pending = std::make_shared<postgres::Pending<Pids>>();
  parts_.servers.end_sessions(database.leak.overdue.server, std::move(marks),
                              [pending](Result<Pids> ended) { pending->set(std::move(ended)); });
  const auto ended =
      pending->wait({.deadline = Deadline(parts_.clock, kEndLimit), .stop = stop}, "end leaked sessions");
  if (!ended) return tell_problem(database, ended.error());
  refused_.erase({key_of(database), database.database});
  std::erase_if(own, [&](const sizing::Session& session) {
    return std::find(ended->begin(), ended->end(), session.pid) == ended->end();
  });
  if (own.empty()) return;
  {
    const MutexLock lock(mutex_);
    ended_[key_of(database)] += own.size();
  }
  note(database, "ConnectionLeakTerminated",
       "database " + database.database + ": ended " + words_of(own, database.leak.overdue.limit_s));
}

/// Once for each problem: it is tried again and again.
void LeakEnder::tell_problem(const DatabaseSizing& database, const Error& error) {
  if (error.kind == ErrorKind::kCancelled) return;
  Refusal& refusal = refused_[{key_of(database), database.database}];
  refusal.again_at = parts_.clock.now() + kRefusedRest;
  const bool is_right_missing = error.kind == ErrorKind::kForbidden;
  const std::string problem = is_right_missing ? "forbidden" : std::string(to_string(error.kind));
  if (std::exchange(refusal.problem, problem) == problem) return;
  const std::string hint =
      is_right_missing ? ". The role of spec.postgres.observerSecretRef may not end them: as a superuser, GRANT "
                         "pg_signal_backend TO that role, or remove spec.sizing.leaks.terminateAfterSeconds"
                       : "";
  note(database, "ConnectionLeakNotTerminated",
       "database " + database.database + ": leaked sessions were not ended: " + error.message + hint);
}

void LeakEnder::note(const DatabaseSizing& database, std::string reason, std::string message) {
  const api::Object pool = parts_.store.cached({.api_version = api::kApiVersion,
                                                .kind = api::kKind,
                                                .namespace_name = database.namespace_name,
                                                .name = database.pool});
  if (!pool) return;
  parts_.store.note({.regarding = *pool, .warning = true, .reason = std::move(reason), .message = std::move(message)});
}

void LeakEnder::forget_gone(const SizingSnapshot& snapshot) {
  std::set<PoolKey> there;
  for (const DatabaseSizing& database : snapshot.databases) there.insert(key_of(database));
  std::erase_if(refused_, [&](const auto& entry) { return !there.contains(entry.first.first); });
  const MutexLock lock(mutex_);
  std::erase_if(ended_, [&](const auto& entry) { return !there.contains(entry.first); });
}

}  // namespace poolwright::run

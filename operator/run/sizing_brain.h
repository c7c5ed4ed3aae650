// Decides the sizes of all pools of the cluster from what was seen of them: groups pools by server, shares each
// server's budget, remembers what was sent and who confirmed it, and puts it into words. No I/O, no clock. Thread rule:
// one owner.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "reconcile/size_advice.h"
#include "run/leftovers.h"
#include "run/sizing_input.h"
#include "run/sizing_snapshot.h"
#include "sizing/server_sizer.h"
#include "sizing/setting_ledger.h"

namespace poolwright::run {

using PoolKey = std::pair<std::string, std::string>;  // namespace and name

/// Everything that was seen at one moment.
struct SizingWorld {
  MonotonicTime now{};
  WallTime wall_now{};
  std::vector<PoolSighting> pools;
  std::map<std::string, ServerSeen> servers;  // observed ones, by server_name
};

/// Close every server connection of a database when it is released: a pool above its new size whose clients never let
/// it rest would not shrink otherwise.
struct Reconnect {
  std::string pod;  // UID
  std::string database;
};

struct PoolOutcome {
  std::int64_t generation = 0;
  reconcile::PoolAdvice advice;
  /// The reconciler has something to do or to tell.
  bool is_news = false;
};

struct SizingOutcome {
  std::map<PoolKey, PoolOutcome> pools;
  std::vector<Reconnect> reconnects;
  std::shared_ptr<const SizingSnapshot> snapshot;
};

class SizingBrain {
 public:
  /// Status is rewritten for numbers alone at most this often.
  static constexpr Duration kReportPeriod = std::chrono::seconds{30};
  /// A pool that was not seen well for this long after its first sight is reported as it is.
  static constexpr Duration kSettle = std::chrono::seconds{15};
  /// Observations that are older are stale.
  static constexpr Duration kStale = std::chrono::seconds{10};
  /// A session of ours that is gone explains one of the server's for one to two of these.
  static constexpr Duration kOwnPart = std::chrono::seconds{10};
  /// A connection that a PgBouncer has closed counts for one to two of these: PostgreSQL needs a moment to end it.
  static constexpr Duration kClosingPart = std::chrono::seconds{1};
  /// Between two forced closings of one pod's connections.
  static constexpr Duration kReconnectPeriod = std::chrono::seconds{10};

  /// Between two questions whether the users of a pool are let in, and how long the answer counts.
  static constexpr Duration kLoginCheckPeriod = std::chrono::seconds{30};
  static constexpr Duration kLoginsProven = std::chrono::seconds{5};

  explicit SizingBrain(const sizing::Parameters& parameters) : parameters_(parameters) {}

  SizingOutcome decide(const SizingWorld& world);

  /// The pod (UID) runs the sizes of the advice with this serial.
  void confirm(const PoolKey& pool, const std::string& pod, std::int64_t serial);
  /// A PgBouncer refused what was rendered: the sizes stay as recorded until something else went live.
  void set_refused(const PoolKey& pool, bool is_refused);
  /// PostgreSQL let the users of the pool in just now, or did not.
  void logins_checked(const PoolKey& pool, bool are_let_in, MonotonicTime now);

 private:
  /// Highest number of the last one to two parts.
  struct RecentMax {
    int add(MonotonicTime now, int value, Duration part);
    MonotonicTime since{};
    int current = 0;
    int previous = 0;
  };
  struct DatabaseState {
    std::optional<int> total;  // size that was decided last, sum over all pods
    int issued_per_pod = 0;
    render::PodHold stopping;                   // what pods that stop may still hold
    std::pair<std::string, std::string> login;  // user and database on the server, as seen last
    sizing::SettingLedger ledger;
    RecentMax held;
    std::map<std::string, RecentMax> held_by_pod;  // UID
    std::map<std::string, int> ticks_above;        // by pod: how long it has held more than its live size allows
    std::map<std::string, MonotonicTime> reconnected_at;
  };
  struct PoolState {
    std::string uid;
    ServerNames server;  // that the spec leads to
    /// What may still be open where the sizes do not count it, by the server's group and the database.
    std::map<std::pair<std::string, std::string>, RecentMax> leftovers;
    MonotonicTime first_seen{};
    std::int64_t serial = 0;
    bool is_refused = false;
    std::map<std::string, DatabaseState> databases;
    std::optional<reconcile::SizingReport> report;
    std::string report_urgent;  // of the published report: what is told at once, and all of it
    std::string report_all;
    MonotonicTime reported_at{};
    std::map<std::string, reconcile::SizeAdvice> advised;
    std::optional<MonotonicTime> logins_asked_at;
    std::optional<MonotonicTime> logins_proven_at;
    bool is_login_asked = false;  // and not answered
  };
  struct ServerState {
    explicit ServerState(const sizing::Parameters& parameters) : sizer(parameters) {}
    sizing::ServerSizer sizer;
    sizing::ForeignSessions foreign;
    std::optional<sizing::ServerCapacity> capacity;
    std::optional<MonotonicTime> counted_at;
    bool is_saturated = false;
    int held_before = 0;
    MonotonicTime grew_at{};  // when its pools were last seen to open connections
    bool has_grown = false;
  };
  /// One server at work: its pools, what was seen, what was decided.
  struct Group {
    std::string id;
    bool is_new = false;  // nothing was decided about it before
    std::vector<const PoolSighting*> pools;
    ServerSeen seen;
    std::string seen_as;                              // server_name of whose observer that is
    std::map<std::string, sizing::LeakReport> leaks;  // by sizing id
    sizing::Budget budget;
    sizing::ServerInput input;
    sizing::ServerDecision decision;
    std::string who_takes_what;
    /// Connections that are in nobody's share: of pods that stop, and what is left of pools that were moved away.
    int set_aside = 0;
    std::vector<std::pair<int, std::string>> left;  // of the latter, what and whose
    OwnSessions left_sessions;
  };

  std::map<std::string, std::string> name_servers(const SizingWorld& world);
  PoolState& state_of(const PoolSighting& pool, MonotonicTime now, const ServerNames& names);
  static std::map<std::string, Group> group(const SizingWorld& world, const std::map<std::string, std::string>& same);
  void set_leftovers_aside(const SizingWorld& world, const std::map<std::string, std::string>& same,
                           std::map<std::string, Group>& groups);
  static int held_lately(DatabaseState& known, const PoolSighting& pool, const std::string& uid,
                         const std::string& database, MonotonicTime now);
  void fill_input(Group& group, ServerState& server, MonotonicTime now);
  void measure_capacity(Group& group, ServerState& server, MonotonicTime now);
  void take_sizes(Group& group, const PoolSighting& pool, PoolOutcome& outcome);
  void report(const Group& group, const ServerState& server, const PoolSighting& pool, MonotonicTime now,
              PoolOutcome& outcome);
  void find_reconnects(const Group& group, const ServerState& server, MonotonicTime now, SizingOutcome& outcome);
  std::vector<Reconnect> pods_above(const PoolSighting& pool, MonotonicTime now);
  static void ask_for_logins(PoolState& state, MonotonicTime now, PoolOutcome& outcome);
  void add_to_snapshot(Group& group, const ServerState& server, const SizingWorld& world, SizingSnapshot& snapshot);

  sizing::Parameters parameters_;
  ServerIdentities identities_;
  std::map<PoolKey, PoolState> pools_;
  std::map<std::string, ServerState> servers_;
  std::deque<SizeChange> changes_;
  std::uint64_t change_serial_ = 0;
  std::uint64_t snapshot_serial_ = 0;
};

}  // namespace poolwright::run

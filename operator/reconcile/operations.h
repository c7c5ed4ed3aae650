// Operations that change no spec: a pause of the clients that ends by itself, and the renewal of server connections,
// asked for by a person or after a failover. Decided from what is so now: a pod that is paused without anybody wanting
// it (the operator was killed, the pause is over) is resumed. Thread rule: pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/status.h"
#include "base/clock.h"
#include "reconcile/facts.h"

namespace poolwright::reconcile {

/// On a pod: until which time its server connections were renewed.
inline constexpr const char* kReconnectedAnnotation = "poolwright.dev/reconnected-at";

/// What could not be renewed for so long is forgotten: PgBouncer itself has replaced the connections by then.
inline constexpr std::chrono::minutes kReconnectAgeMax{60};

struct WantedOperations {
  std::optional<WallTime> pause_until;  // also where it is over
  bool paused = false;
  std::optional<WallTime> reconnect_at;  // server connections of before are to be replaced
  std::string reconnect_cause;           // who wants it, for a person
};

/// `serving_since`: when the PostgreSQL that answers now began to, where that is known. Connections of before lead to
/// one that is gone or does not lead any more.
WantedOperations wanted_operations(const api::Json& pool, std::optional<WallTime> serving_since, WallTime now);

/// A pod that is younger than what is wanted, or was told already, has no older connection.
bool needs_reconnect(const WantedOperations& wanted, const PodFacts& pod);

enum class PodOperation { kPause, kResume, kReconnect };

struct PodStep {
  PodOperation operation = PodOperation::kPause;
  std::string database;  // "": all together
  friend bool operator==(const PodStep&, const PodStep&) = default;
};

/// What a PgBouncer says about one of its databases.
struct DatabaseState {
  bool paused = false;
  std::int64_t running = 0;  // server connections in use
};

struct PodState {
  /// Whether all databases are paused together; nothing where this PgBouncer cannot tell (before 1.19), so that they
  /// are paused one by one.
  std::optional<bool> together;
  std::map<std::string, DatabaseState> databases;

  bool is_paused(const DatabaseState& database) const { return database.paused || together.value_or(false); }
};

/// Nothing for a pod that terminates: it could not be resumed any more.
std::vector<PodStep> steps_for(const WantedOperations& wanted, const PodFacts& pod, const PodState& state);

/// What is so on one pod after the steps.
struct PodOperated {
  std::string pod;
  bool is_observed = false;
  PodState state;
  bool was_resumed = false;      // just now
  bool was_reconnected = false;  // just now
  std::string problem;           // of the step that failed
};

struct OperationReport {
  WantedOperations wanted;
  std::vector<PodOperated> pods;
  std::string reconnect_blocked;  // why nothing was renewed though it is wanted

  /// Everything is as wanted on every pod.
  bool complete() const;
  /// At least one database of one pod is paused.
  bool any_paused() const;
};

/// Condition ClientsPaused: true while clients are held up. None where nothing is paused and nothing ever was.
std::optional<api::Condition> paused_condition(const OperationReport& report, const api::Json& stored_status);

/// What a person should hear of; empty where nothing happened.
struct OperationNews {
  std::string reason;
  std::string message;
  bool warning = false;
};
std::vector<OperationNews> news_of(const OperationReport& report);

}  // namespace poolwright::reconcile

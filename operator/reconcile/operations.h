// Operations that a person asks for by annotations of a ConnectionPool, and that change no spec: a pause that ends by
// itself, and the renewal of all server connections. Decided from what is so now: a pod that is paused without anybody
// wanting it (the operator was killed, the pause is over) is resumed. Thread rule: pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/connection_pool.h"
#include "api/status.h"
#include "base/clock.h"
#include "reconcile/facts.h"

namespace poolwright::reconcile {

/// RFC 3339: until then clients wait and no server connection is in use.
inline constexpr const char* kPauseUntilAnnotation = "poolwright.dev/pause-until";
/// RFC 3339, when it was asked for: server connections that are older are replaced as they are released, once.
inline constexpr const char* kReconnectAnnotation = "poolwright.dev/reconnect-requested-at";
/// On a pod: the request that was carried out there.
inline constexpr const char* kReconnectedAnnotation = "poolwright.dev/reconnected";

/// Condition type, abnormal when true: clients wait because somebody asked for it.
inline constexpr const char* kPausedCondition = "ClientsPaused";

/// Longest pause, from now; a later end is cut to it.
inline constexpr std::chrono::minutes kPauseMax{60};
/// A request that could not be carried out for so long is forgotten: nobody expects it any more.
inline constexpr std::chrono::minutes kReconnectAgeMax{60};

struct WantedOperations {
  std::optional<WallTime> pause_until;  // also where it is over
  bool paused = false;
  std::string reconnect;  // value of the annotation; "" where nothing is asked for
  std::optional<WallTime> reconnect_at;
  std::string problem;  // an annotation that cannot be read, with what is allowed
};

WantedOperations wanted_operations(const api::ConnectionPool& pool, WallTime now);

enum class PodOperation { kPause, kResume, kReconnect };

struct PodStep {
  PodOperation operation = PodOperation::kPause;
  std::string database;
  friend bool operator==(const PodStep&, const PodStep&) = default;
};

/// What the pod should do. `paused`: what SHOW DATABASES says, by database. Nothing for a pod that terminates: it could
/// not be resumed any more. Databases that PgBouncer still has though the spec does not are resumed, never paused.
std::vector<PodStep> steps_for(const WantedOperations& wanted, const api::ConnectionPool& pool, const PodFacts& pod,
                               const std::map<std::string, bool>& paused);

/// What is so on one pod after the steps.
struct PodOperated {
  std::string pod;
  bool is_observed = false;
  std::map<std::string, bool> paused;  // by database
  int resumed = 0;                     // databases
  bool is_reconnected = false;         // just now
  std::string problem;
};

struct OperationReport {
  WantedOperations wanted;
  std::vector<PodOperated> pods;
  std::string reconnect_blocked;  // why nothing was recycled though asked for

  /// Everything is as wanted on every pod.
  bool complete() const;
  /// At least one database of one pod is paused.
  bool any_paused() const;
};

/// Condition ClientsPaused: true while clients are held up. None where nothing is paused and nothing ever was.
std::optional<api::Condition> paused_condition(const OperationReport& report, bool was_there);

/// What a person should hear about once: (reason, message); empty where nothing happened.
struct OperationNews {
  std::string reason;
  std::string message;
  bool warning = false;
};
std::vector<OperationNews> news_of(const OperationReport& report);

}  // namespace poolwright::reconcile

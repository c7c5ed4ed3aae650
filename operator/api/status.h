// What the operator answers in status: values, and their JSON. The operator never reads its own status as truth; it
// only compares, so that an unchanged status is not written again, and keeps lastTransitionTime of unchanged
// conditions. Thread rule: plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/object.h"

namespace poolwright::api {

enum class ConditionStatus { kTrue, kFalse, kUnknown };

/// Condition types. The first four and ConsoleRotated are good when true; the others are abnormal when true.
namespace condition {
inline constexpr const char* kAccepted = "Accepted";
inline constexpr const char* kResolvedRefs = "ResolvedRefs";
inline constexpr const char* kProgrammed = "Programmed";
inline constexpr const char* kReady = "Ready";
inline constexpr const char* kReconciling = "Reconciling";
inline constexpr const char* kStalled = "Stalled";
inline constexpr const char* kBudgetExceeded = "BudgetExceeded";
inline constexpr const char* kDatabaseSaturated = "DatabaseSaturated";
inline constexpr const char* kConnectionLeakSuspected = "ConnectionLeakSuspected";
inline constexpr const char* kMetricsStale = "MetricsStale";
inline constexpr const char* kNameConflict = "NameConflict";
inline constexpr const char* kClientsPaused = "ClientsPaused";    // clients wait because somebody asked for it
inline constexpr const char* kConsoleRotated = "ConsoleRotated";  // the console logins that were asked for are live
inline constexpr const char* kClientLimitExceeded =
    "ClientLimitExceeded";  // instances x limit above what the pool admits
}  // namespace condition

struct Condition {
  std::string type;
  ConditionStatus status = ConditionStatus::kUnknown;
  std::string reason;   // CamelCase, 1-64 characters
  std::string message;  // for a person; at most 1024 characters
  std::int64_t observed_generation = 0;
  std::string last_transition_time;  // RFC 3339; filled by merge_conditions
  friend bool operator==(const Condition&, const Condition&) = default;
};

struct DatabaseStatus {
  std::string name;
  std::string secret_name;  // of the URLs
  std::int32_t size = 0;    // connections on the server, sum over all pods
  std::optional<std::int32_t> recommended_size;
  std::string size_reason;            // why, in one sentence
  std::int32_t connection_limit = 0;  // per instance, as it stands in the URL
  std::optional<std::int32_t> utilization_percent;
  std::optional<std::int32_t> waiting_clients;
  std::optional<std::int32_t> budget_share;  // connections of the server's budget that this database may take
  friend bool operator==(const DatabaseStatus&, const DatabaseStatus&) = default;
};

struct PodStatus {
  std::string name;
  std::string pgbouncer_version;  // as the console tells, "" while unknown
  std::string config_hash;        // that it really runs, "" while unknown
  bool ready = false;
  friend bool operator==(const PodStatus&, const PodStatus&) = default;
};

/// What status.lastHandledRequest has room for.
inline constexpr std::size_t kRequestLengthMax = 128;

struct ConnectionPoolStatus {
  std::int64_t observed_generation = 0;
  std::vector<Condition> conditions;
  std::string summary;               // one line
  std::string last_handled_request;  // of the annotation that asks for a reconcile, "" where nobody asked
  std::string config_hash;
  std::int32_t replicas = 0;  // PgBouncer pods, for the scale subresource
  std::int32_t ready_replicas = 0;
  std::string selector;  // label selector of the pods, for the scale subresource
  std::string service_name;
  std::string endpoint;                  // host:port of the pooler
  std::string binding_name;              // Secret for Service Binding: status.binding.name
  std::int32_t size = 0;                 // sum over databases, for the printer column
  std::optional<std::int32_t> size_max;  // sum of poolSize.max over databases, for the printer column
  std::vector<DatabaseStatus> databases;
  std::vector<PodStatus> pods;
  friend bool operator==(const ConnectionPoolStatus&, const ConnectionPoolStatus&) = default;
};

/// JSON of `status`. Deterministic; absent optionals, empty strings and empty lists are left out. Two members exist for
/// the printer columns only and are derived: `podsReady` ("1/2") and `utilizationPercent` (of the busiest database).
/// Texts are cut to the 1024 bytes that the CRD allows.
Json status_json(const ConnectionPoolStatus& status);

/// At most `length_max` bytes of the text, with "..." at the end where it is cut, never inside a UTF-8 character.
std::string shortened(const std::string& text, std::size_t length_max);

/// Conditions of a status JSON as stored in the cluster; anything malformed is left out.
std::vector<Condition> conditions_of(const Json& status);

/// The one of that type; null where there is none.
const Condition* find_condition(const std::vector<Condition>& conditions, std::string_view type);

/// `wanted` with last_transition_time taken from `previous` where the status of the condition did not change, else
/// `now` (RFC 3339).
std::vector<Condition> merge_conditions(const std::vector<Condition>& previous, std::vector<Condition> wanted,
                                        const std::string& now);

}  // namespace poolwright::api

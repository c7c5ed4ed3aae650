// pause, resume, reconnect, rotate: annotations on the resource, which the operator carries out. Nothing of the spec
// changes.
#include <CLI/CLI.hpp>
#include <iostream>

#include "api/connection_pool.h"
#include "api/status.h"
#include "cli/cli.h"
#include "cli/cluster_access.h"
#include "cli/commands.h"
#include "reconcile/requests.h"

namespace poolwright::cli {

namespace {

using api::Json;

constexpr int kPauseSecondsDefault = 30;
constexpr int kPauseSecondsMax = std::chrono::seconds(reconcile::kPauseMax).count();
constexpr Duration kLookAgain{300};

struct OperationOptions {
  ClusterOptions cluster;
  std::string name;
  int seconds = kPauseSecondsDefault;
  int wait_seconds = 15;
  bool force = false;
};

Status annotate(ClusterAccess& access, const std::string& name, const char* annotation, const Json& value) {
  PW_ASSIGN_OR_RETURN(
      const Json stored,
      access.client().merge_patch(access.pool_key(name), {{"metadata", {{"annotations", {{annotation, value}}}}}},
                                  access.limits()));
  return ok();
}

/// A client that waits longer than query_wait_timeout is disconnected.
Status check_length(const Json& pool, const OperationOptions& options) {
  const Json::json_pointer path("/spec/pgbouncer/timeouts/queryWaitSeconds");
  const int longest = pool.contains(path) && pool.at(path).is_number_integer() ? pool.at(path).get<int>()
                                                                               : api::Timeouts{}.query_wait_seconds;
  if (options.force || options.seconds < longest) return ok();
  return make_error(ErrorKind::kInvalid, "clients are disconnected after " + std::to_string(longest) +
                                             " s (queryWaitSeconds), so --for must be shorter; got " +
                                             std::to_string(options.seconds) + " (--force takes that)");
}

/// The condition of this type in the latest status; nothing where there is none.
std::optional<api::Condition> condition_of(const Json& pool, const char* type) {
  const std::vector<api::Condition> conditions = api::conditions_of(pool.value("status", Json::object()));
  const api::Condition* found = api::find_condition(conditions, type);
  return found == nullptr ? std::nullopt : std::optional(*found);
}

bool is_settled(const std::optional<api::Condition>& paused, const std::string& until) {
  const bool holds = paused && paused->status == api::ConditionStatus::kTrue;
  if (until.empty() || !holds) return holds != until.empty();
  return paused->reason == "Paused" && paused->message.find(until) != std::string::npos;
}

Error not_done(const OperationOptions& options, const std::string& how_far) {
  return make_error(ErrorKind::kDeadlineExceeded,
                    "asked for, but not on all pods after " + std::to_string(options.wait_seconds) + " s" +
                        (how_far.empty() ? "" : " (" + how_far + ")") +
                        ": does the operator run, does a transaction not end? See `poolwright status " + options.name +
                        "`");
}

/// What the status tells of an operation.
struct Progress {
  std::optional<std::string> done;  // what to print then
  std::string how_far;              // "" where it tells nothing yet
};

/// `until`: end of the pause; "" for clients that go on.
Progress pause_progress(const Json& pool, const std::string& until) {
  const auto paused = condition_of(pool, api::condition::kClientsPaused);
  if (is_settled(paused, until)) return {.done = paused ? paused->message : "no client is held up", .how_far = ""};
  return {.done = std::nullopt, .how_far = paused ? paused->message : ""};
}

Progress rotation_progress(const Json& pool, const std::string& asked_at) {
  const auto rotation = condition_of(pool, api::condition::kConsoleRotated);
  if (!rotation || rotation->message.find(asked_at) == std::string::npos) return {};
  const bool is_done = rotation->status == api::ConditionStatus::kTrue;
  return {.done = is_done ? std::optional(rotation->message) : std::nullopt, .how_far = rotation->message};
}

/// `when`: what `progress` knows the operation by.
Status wait_for(ClusterAccess& access, const OperationOptions& options,
                Progress (*progress)(const Json&, const std::string&), const std::string& when) {
  const Deadline deadline(access.clock(), std::chrono::seconds{options.wait_seconds});
  while (true) {
    PW_ASSIGN_OR_RETURN(const Json pool, access.pool(options.name));
    const Progress now = progress(pool, when);
    if (now.done) {
      std::cout << options.name << ": " << *now.done << "\n";
      return ok();
    }
    if (deadline.passed()) return not_done(options, now.how_far);
    access.pause(kLookAgain);
  }
}

Status pause_pool(ClusterAccess& access, const OperationOptions& options) {
  PW_ASSIGN_OR_RETURN(const Json pool, access.pool(options.name));
  PW_RETURN_IF_ERROR(check_length(pool, options));
  const std::string until = format_rfc3339(access.clock().wall_now() + std::chrono::seconds{options.seconds});
  PW_RETURN_IF_ERROR(annotate(access, options.name, reconcile::kPauseUntilAnnotation, until));
  if (options.wait_seconds > 0) return wait_for(access, options, pause_progress, until);
  std::cout << options.name << ": asked for a pause until " << until << "\n";
  return ok();
}

Status resume_pool(ClusterAccess& access, const OperationOptions& options) {
  PW_ASSIGN_OR_RETURN(const Json pool, access.pool(options.name));
  PW_RETURN_IF_ERROR(annotate(access, options.name, reconcile::kPauseUntilAnnotation, nullptr));
  if (options.wait_seconds > 0) return wait_for(access, options, pause_progress, "");
  std::cout << options.name << ": asked to resume\n";
  return ok();
}

Status reconnect_pool(ClusterAccess& access, const OperationOptions& options) {
  PW_ASSIGN_OR_RETURN(const Json pool, access.pool(options.name));
  const std::string now = format_rfc3339(access.clock().wall_now());
  PW_RETURN_IF_ERROR(annotate(access, options.name, reconcile::kReconnectAnnotation, now));
  std::cout << options.name << ": server connections older than " << now
            << " are replaced as they are released; an event says when it began\n";
  return ok();
}

Status rotate_pool(ClusterAccess& access, const OperationOptions& options) {
  PW_ASSIGN_OR_RETURN(const Json pool, access.pool(options.name));
  const std::string now = format_rfc3339(access.clock().wall_now());
  PW_RETURN_IF_ERROR(annotate(access, options.name, reconcile::kRotateAnnotation, now));
  if (options.wait_seconds > 0) return wait_for(access, options, rotation_progress, now);
  std::cout << options.name << ": asked for new console logins at " << now << "\n";
  return ok();
}

using Operation = Status (*)(ClusterAccess&, const OperationOptions&);

int run_operation(const std::string& command, const OperationOptions& options, Operation operation) {
  auto access = ClusterAccess::open(options.cluster);
  if (!access) return report_failure(command, access.error());
  const Status done = operation(**access, options);
  return done ? kExitOk : report_failure(command, with_next_step(done.error()));
}

void add_wait(CLI::App& command, OperationOptions& options) {
  command.add_option("--wait", options.wait_seconds, "Seconds to wait until every pod has done it; 0 does not wait")
      ->check(CLI::Range(0, 600))
      ->capture_default_str();
}

struct Verb {
  std::string name;
  std::string help;
  Operation operation;
};

/// `options` and `code` outlive the application.
CLI::App& add_operation(CLI::App& app, const Verb& verb, OperationOptions& options, int& code) {
  CLI::App* command = app.add_subcommand(verb.name, verb.help);
  add_cluster_options(*command, options.cluster);
  command->add_option("name", options.name, "Name of the ConnectionPool")->required();
  command->callback([verb, &options, &code] { code = run_operation(verb.name, options, verb.operation); });
  return *command;
}

}  // namespace

void add_operation_commands(CLI::App& app, int& code) {
  static OperationOptions pause;
  const Verb to_pause{.name = "pause",
                      .help = "Let clients wait and free all server connections, for a failover; ends by itself",
                      .operation = pause_pool};
  CLI::App& pausing = add_operation(app, to_pause, pause, code);
  pausing.add_option("--for", pause.seconds, "Seconds until it ends by itself")
      ->check(CLI::Range(1, kPauseSecondsMax))
      ->capture_default_str();
  pausing.add_flag("--force", pause.force, "Also longer than clients may wait, which disconnects them");
  add_wait(pausing, pause);

  static OperationOptions resume;
  const Verb to_resume{.name = "resume", .help = "End a pause", .operation = resume_pool};
  add_wait(add_operation(app, to_resume, resume, code), resume);

  static OperationOptions reconnect;
  const Verb to_reconnect{.name = "reconnect",
                          .help = "Replace all server connections as they are released, after a failover",
                          .operation = reconnect_pool};
  add_operation(app, to_reconnect, reconnect, code);

  static OperationOptions rotate;
  const Verb to_rotate{
      .name = "rotate", .help = "Give the admin consoles new logins; clients notice nothing", .operation = rotate_pool};
  add_wait(add_operation(app, to_rotate, rotate, code), rotate);
}

}  // namespace poolwright::cli

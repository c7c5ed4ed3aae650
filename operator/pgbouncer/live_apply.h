// The verified apply to one running PgBouncer: RELOAD on its open console, read back, until it runs what was rendered
// or the deadline passes. The file may reach the pod only later (the kubelet writes it), so a RELOAD that still shows
// the old marker is repeated. A file that PgBouncer refused leaves it half configured and lets nobody else log in to
// the console: the outcome says so, and the caller can put the last good file back and apply it through the same
// Console, which is still open.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/deadline.h"
#include "base/error.h"
#include "pgbouncer/console.h"
#include "pgbouncer/quiet_logins.h"
#include "pgbouncer/verify.h"

namespace poolwright::pgbouncer {

enum class ApplyState {
  kLive,         // read back and equal
  kNotYetThere,  // an older config still runs unharmed: the file did not arrive before the deadline
  kRefused,      // RELOAD said so (1.25+)
  kHalfApplied,  // settings of neither config, or fallen back to PgBouncer's defaults
  kUnreachable,  // the console gave no answer until the deadline
  kForbidden,    // the console's login has no admin rights
  kInterrupted,  // asked to stop
};

std::string_view to_string(ApplyState state);

struct ApplyOutcome {
  ApplyState state = ApplyState::kUnreachable;
  std::string message;  // one sentence for a condition or an event
  std::string marker;   // that was seen last; "" if never read
  std::string version;  // "1.24.1", "" if unknown
  int reloads = 0;
  std::vector<Difference> differences;    // of the last read-back; empty when live
  std::vector<DatabaseRow> databases;     // of the last read-back
  std::vector<Difference> needs_restart;  // may be there although live
};

struct ApplyPace {
  Duration retry{200};            // between a RELOAD that did not bring the file and the next
  Duration command_limit{5'000};  // for one command; longer than PgBouncer ever stalls without being stuck
  LoginPace logins = {};          // how long a RELOAD waits for a moment without logins
};

/// Blocks; for workers. Sends nothing but SHOW where the config is live already. Returns at once when its RELOAD was
/// refused or left the pod half configured, so that the caller can repair; a pod that was half configured before this
/// call is taken to be under repair, and the call goes on until the deadline. The deadline ends the retries, never a
/// command: cutting one would close the console, perhaps the last that this PgBouncer lets in. So the call may last
/// `command_limit` longer.
ApplyOutcome apply_config(Console& console, const ExpectedConfig& expected, const Clock& clock,
                          const CallLimits& limits, const ApplyPace& pace = {});

/// Reads back without changing anything.
Result<LiveConfig> read_live(Console& console, const CallLimits& limits);

/// What one RELOAD did, judged from what ran before and what runs now. Pure.
ApplyState judge_reload(const ExpectedConfig& expected, const LiveConfig& before, const LiveConfig& after);

/// Whether a PgBouncer runs a config of ours only in part. Pure.
bool is_half_applied(const ExpectedConfig& expected, const LiveConfig& live);

}  // namespace poolwright::pgbouncer

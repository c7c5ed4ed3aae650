#include "pgbouncer/live_apply.h"

#include <algorithm>

#include "base/rest.h"

namespace poolwright::pgbouncer {

namespace {

constexpr std::size_t kDifferencesTold = 3;

std::string marker_of(const LiveConfig& live) {
  for (const ConfigRow& row : live.settings) {
    if (row.key == kMarkerKey) return row.value;
  }
  return "";
}

bool has_default_marker(const LiveConfig& live) {
  return std::any_of(live.settings.begin(), live.settings.end(),
                     [](const ConfigRow& row) { return row.key == kMarkerKey && row.default_value == row.value; });
}

/// The row without what changes by itself.
DatabaseRow configured_part(DatabaseRow row) {
  row.current_connections = 0;
  row.is_paused = false;
  row.is_disabled = false;
  return row;
}

std::vector<DatabaseRow> configured_parts(const LiveConfig& live) {
  std::vector<DatabaseRow> rows;
  rows.reserve(live.databases.size());
  for (const DatabaseRow& row : live.databases) rows.push_back(configured_part(row));
  return rows;
}

bool is_userlist_key(const Difference& difference) { return difference.key.starts_with("users."); }

/// One call of apply_config.
class Apply {
 public:
  Apply(Console& console, const ExpectedConfig& expected, const Clock& clock, const CallLimits& limits,
        const ApplyPace& pace)
      : console_(console), expected_(expected), clock_(clock), limits_(limits), pace_(pace) {}

  ApplyOutcome run() {
    while (!read_before()) {
      if (is_over()) return outcome_;
      rest(pace_.retry, limits_.stop);
    }
    is_repair_ = outcome_.state == ApplyState::kHalfApplied;
    while (outcome_.state != ApplyState::kLive && !reload_and_read() && !is_over()) rest(pace_.retry, limits_.stop);
    return outcome_;
  }

 private:
  CallLimits command_limits() const { return {Deadline(clock_, pace_.command_limit), limits_.stop}; }

  bool is_over() {
    if (limits_.stop.stop_requested()) {
      outcome_.state = ApplyState::kInterrupted;
      outcome_.message = "apply the config: asked to stop";
      return true;
    }
    return limits_.deadline.passed() || outcome_.state == ApplyState::kForbidden || is_gone_;
  }

  bool read_before() {
    auto live = read_live(console_, command_limits());
    if (!live) {
      not_answered(live.error());
      return false;
    }
    before_ = *std::move(live);
    judged(before_, is_half_applied(expected_, before_) ? ApplyState::kHalfApplied : ApplyState::kNotYetThere, "");
    return true;
  }

  /// True if nothing is left to try.
  bool reload_and_read() {
    await_quiet_logins(console_, clock_, limits_, pace_.logins);
    ++outcome_.reloads;
    const Status reloaded = tell(console_, Command::reload(), command_limits());
    const bool is_refused = !reloaded && reloaded.error().kind == ErrorKind::kInvalid;
    if (!reloaded && !is_refused) return not_answered(reloaded.error());
    const auto after = read_live(console_, command_limits());
    if (!after) return not_answered(after.error());
    ApplyState state = judge_reload(expected_, before_, *after);
    if (is_refused && state == ApplyState::kNotYetThere) state = ApplyState::kRefused;
    judged(*after, state, is_refused ? reloaded.error().message : "");
    if (state == ApplyState::kLive) return true;
    return !is_repair_ && (state == ApplyState::kRefused || state == ApplyState::kHalfApplied);
  }

  bool not_answered(const Error& error) {
    outcome_.state = error.kind == ErrorKind::kForbidden ? ApplyState::kForbidden : ApplyState::kUnreachable;
    outcome_.message = error.message;
    is_gone_ = error.kind == ErrorKind::kCancelled && !limits_.stop.stop_requested();
    return is_gone_ || error.kind == ErrorKind::kForbidden;
  }

  void judged(const LiveConfig& live, ApplyState state, const std::string& refusal) {
    const VerifyResult result = verify(expected_, live);
    outcome_.state = result.is_live() ? ApplyState::kLive : state;
    outcome_.marker = result.marker;
    outcome_.version = version_text(console_.version());
    outcome_.differences = result.reloadable;
    outcome_.databases = live.databases;
    outcome_.needs_restart = result.restart;
    outcome_.message = message(result, refusal);
  }

  std::string message(const VerifyResult& result, const std::string& refusal) const {
    const std::string told = refusal.empty() ? "" : "; RELOAD said: " + refusal;
    switch (outcome_.state) {
      case ApplyState::kLive:
        return result.restart.empty()
                   ? "the config is live"
                   : "the config is live but for what needs a restart: " + describe(result.restart, kDifferencesTold);
      case ApplyState::kNotYetThere:
        return "the config is not there yet: PgBouncer runs '" + result.marker + "'";
      case ApplyState::kRefused:
        return "PgBouncer refused the config and keeps running '" + result.marker + "'" + told;
      default:
        return "PgBouncer applied the config only in part: " + describe(result.reloadable, kDifferencesTold) + told;
    }
  }

  Console& console_;
  const ExpectedConfig& expected_;
  const Clock& clock_;
  const CallLimits& limits_;
  const ApplyPace& pace_;
  bool is_repair_ = false;
  bool is_gone_ = false;
  LiveConfig before_;
  ApplyOutcome outcome_;
};

}  // namespace

std::string_view to_string(ApplyState state) {
  switch (state) {
    case ApplyState::kLive:
      return "Live";
    case ApplyState::kNotYetThere:
      return "NotYetThere";
    case ApplyState::kRefused:
      return "Refused";
    case ApplyState::kHalfApplied:
      return "HalfApplied";
    case ApplyState::kUnreachable:
      return "Unreachable";
    case ApplyState::kForbidden:
      return "Forbidden";
    case ApplyState::kInterrupted:
      return "Interrupted";
  }
  return "Unreachable";
}

ApplyOutcome apply_config(Console& console, const ExpectedConfig& expected, const Clock& clock,
                          const CallLimits& limits, const ApplyPace& pace) {
  return Apply(console, expected, clock, limits, pace).run();
}

bool is_half_applied(const ExpectedConfig& expected, const LiveConfig& live) {
  if (!expected.settings.contains(kMarkerKey)) return false;
  // Every file of ours has a marker: PgBouncer's default means that a RELOAD reset it and did not come to its line.
  if (has_default_marker(live)) return true;
  const VerifyResult result = verify(expected, live);
  // The userlist is a file of its own and may only arrive later.
  return result.marker_matches && !std::all_of(result.reloadable.begin(), result.reloadable.end(), is_userlist_key);
}

ApplyState judge_reload(const ExpectedConfig& expected, const LiveConfig& before, const LiveConfig& after) {
  if (verify(expected, after).is_live()) return ApplyState::kLive;
  if (is_half_applied(expected, after)) return ApplyState::kHalfApplied;
  // [databases] stands before [pgbouncer]: a bad line there leaves the settings alone and the databases changed.
  const bool is_same_marker = marker_of(before) == marker_of(after);
  if (is_same_marker && configured_parts(before) != configured_parts(after)) return ApplyState::kHalfApplied;
  return ApplyState::kNotYetThere;
}

Result<LiveConfig> read_live(Console& console, const CallLimits& limits) {
  LiveConfig live;
  PW_ASSIGN_OR_RETURN(live.settings, show_config(console, limits));
  PW_ASSIGN_OR_RETURN(live.databases, show_databases(console, limits));
  PW_ASSIGN_OR_RETURN(live.users, show_users(console, limits));
  return live;
}

}  // namespace poolwright::pgbouncer

#include "reconcile/rotation.h"

#include <algorithm>

#include "api/text.h"
#include "base/rfc3339.h"

namespace poolwright::reconcile {

namespace {

using api::Condition;
using api::ConditionStatus;

bool took(const PodFacts& pod, const std::optional<ProgramReport>& program) {
  return program && std::any_of(program->pods.begin(), program->pods.end(),
                                [&](const PodProgram& line) { return line.pod == pod.name && line.problem.empty(); });
}

}  // namespace

bool is_rotation_due(const render::ConsoleCredentials& stored, std::optional<WallTime> request) {
  if (!request) return false;
  const auto done = parse_rfc3339(stored.rotated_for);
  return !done || *done < std::chrono::floor<std::chrono::seconds>(*request);
}

render::ConsoleCredentials rotated(const render::ConsoleCredentials& stored, std::optional<WallTime> request,
                                   Random& random) {
  if (stored.previous_admin_password || !is_rotation_due(stored, request)) return stored;
  render::ConsoleCredentials fresh = render::generate_console_credentials(random);
  fresh.previous_admin_password = stored.admin.password;
  fresh.rotated_for = format_rfc3339(*request);
  return fresh;
}

bool all_took(const Facts& facts, const std::optional<ProgramReport>& program) {
  return std::all_of(facts.pods.begin(), facts.pods.end(),
                     [&](const PodFacts& pod) { return pod.terminating || took(pod, program); });
}

std::optional<Condition> rotation_condition(const Facts& facts, const Outcome& outcome) {
  if (facts.console.rotated_for.empty()) return std::nullopt;
  Condition condition{.type = api::condition::kConsoleRotated, .observed_generation = facts.pool.generation};
  const std::string asked = "the console logins asked for at " + facts.console.rotated_for;
  if (!facts.console.previous_admin_password || outcome.rotation_ended) {
    condition.status = ConditionStatus::kTrue;
    condition.reason = "Rotated";
    condition.message = asked + " are live on every pod; those of before are refused";
    return condition;
  }
  std::size_t live = 0;
  std::size_t taken = 0;
  for (const PodFacts& pod : facts.pods) {
    if (pod.terminating) continue;
    ++live;
    if (took(pod, outcome.program)) ++taken;
  }
  condition.status = ConditionStatus::kFalse;
  condition.reason = "Rotating";
  condition.message = asked + " are live on " + std::to_string(taken) + " of " + api::counted(live, "pod") +
                      "; those of before are kept until every pod took them";
  return condition;
}

std::optional<Condition> rotation_news(const api::Json& stored_status, const api::Json& wanted) {
  const auto rotation_of = [](const api::Json& status) -> std::optional<Condition> {
    const std::vector<Condition> conditions = api::conditions_of(status);
    const Condition* found = api::find_condition(conditions, api::condition::kConsoleRotated);
    return found != nullptr && found->status == ConditionStatus::kTrue ? std::optional(*found) : std::nullopt;
  };
  const auto before = rotation_of(stored_status);
  auto now = rotation_of(wanted);
  return now && before && before->message == now->message ? std::nullopt : now;
}

}  // namespace poolwright::reconcile

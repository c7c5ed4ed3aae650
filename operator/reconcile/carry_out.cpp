#include <utility>

#include "base/log.h"
#include "reconcile/reconciler.h"
#include "reconcile/rotation.h"

namespace poolwright::reconcile {

namespace {

class StepRunner {
 public:
  StepRunner(const ReconcilerParts& parts, const Decision& decision, const Facts& facts, const CallLimits& limits)
      : parts_(parts), decision_(decision), facts_(facts), limits_(limits) {}

  /// Error of the step; ok where the plan may go on or where it has to wait (see must_wait).
  Status run(const Step& step) { return std::visit(*this, step); }

  Status operator()(const ApplyObject& apply) {
    auto applied = parts_.store.apply(apply.object, limits_);
    if (!applied && applied.error().kind == ErrorKind::kInvalid) applied = replace_ports(apply.object, applied.error());
    PW_ASSIGN_OR_RETURN(const api::Json stored, std::move(applied));
    if (api::key_of(stored).kind == "Secret") parts_.secrets.remember(stored);
    return ok();
  }

  Status operator()(const RemoveObject& remove) { return parts_.store.remove(remove.key, remove.uid, limits_); }

  Status operator()(const ProgramPods& /*program*/) {
    const CallLimits limits{.deadline = limits_.deadline.at_most(Reconciler::kProgramWait), .stop = limits_.stop};
    report_ = parts_.programmer.program(facts_, *decision_.rendered, limits);
    return ok();
  }

  Status operator()(const EndRotation& end) {
    if (!all_took(facts_, report_)) return ok();
    PW_RETURN_IF_ERROR((*this)(ApplyObject{end.secret}));
    rotation_ended_ = true;
    return ok();
  }

  bool rotation_ended() const { return rotation_ended_; }
  bool must_wait() const { return report_ && !report_->complete(); }
  const std::optional<ProgramReport>& report() const { return report_; }

 private:
  /// Ports of a Service are keyed by their number: where somebody changed it, apply would add ours beside theirs, under
  /// the same name, and the API server refuses that. So the list is put back as a whole first.
  Result<api::Json> replace_ports(const api::Json& object, const Error& refused) {
    const api::ObjectKey key = api::key_of(object);
    if (key.kind != "Service") return refused;
    const api::Json patch = {{"spec", {{"ports", object.at("spec").at("ports")}}}};
    PW_RETURN_IF_ERROR(parts_.store.merge_patch(key, patch, limits_));
    return parts_.store.apply(object, limits_);
  }

  const ReconcilerParts& parts_;
  const Decision& decision_;
  const Facts& facts_;
  const CallLimits& limits_;
  std::optional<ProgramReport> report_;
  bool rotation_ended_ = false;
};

bool starts_pods(const Step& step) {
  const auto* apply = std::get_if<ApplyObject>(&step);
  return apply != nullptr && api::key_of(apply->object).kind == "Deployment";
}

}  // namespace

Outcome carry_out(const ReconcilerParts& parts, const Plan& plan, const Decision& decision, const Facts& facts,
                  const CallLimits& limits) {
  Outcome outcome;
  StepRunner runner(parts, decision, facts, limits);
  for (const Step& step : plan.steps) {
    // More pods only once those that run are known to keep to their smaller share; URLs may go on: a rotated password
    // that one dead pod cannot learn must not keep the others' clients out.
    if (runner.must_wait() && starts_pods(step)) break;
    if (Status done = runner.run(step); !done) {
      outcome.error = with_context(std::move(done).error(), describe(step));
      break;
    }
    log_debug("step_done",
              {{"namespace", facts.pool.namespace_name}, {"name", facts.pool.name}, {"step", describe(step)}});
    ++outcome.steps_done;
  }
  outcome.program = runner.report();
  outcome.rotation_ended = runner.rotation_ended();
  return outcome;
}

}  // namespace poolwright::reconcile

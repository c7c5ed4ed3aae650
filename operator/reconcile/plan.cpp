#include "reconcile/plan.h"

#include <algorithm>
#include <set>

#include "reconcile/compare.h"
#include "render/hash.h"
#include "render/object_config.h"

namespace poolwright::reconcile {

namespace {

using api::Json;
using api::ObjectKey;

std::string owner_in_words(const Json& object) {
  const auto metadata = object.find("metadata");
  if (metadata == object.end() || !metadata->contains("ownerReferences")) return "nobody";
  for (const Json& owner : metadata->at("ownerReferences")) {
    if (owner.value("controller", false)) return owner.value("kind", "?") + " " + owner.value("name", "?");
  }
  return "nobody";
}

bool is_ours(const Json& object, const Facts& facts) {
  return !facts.pool.uid.empty() && api::controller_uid(object) == facts.pool.uid;
}

class PlanBuilder {
 public:
  PlanBuilder(const StoredObjects& stored, const Facts& facts) : stored_(stored), facts_(facts) {}

  void want(const Json& object) {
    const ObjectKey key = api::key_of(object);
    wanted_.insert(key);
    const auto found = stored_.by_key.find(key);
    const Json* stored = found == stored_.by_key.end() || !found->second ? nullptr : found->second.get();
    if (stored != nullptr && !is_ours(*stored, facts_)) {
      plan_.conflicts.push_back({.key = key, .owner = owner_in_words(*stored)});
      return;
    }
    if (needs_apply(stored, object)) plan_.steps.emplace_back(ApplyObject{object});
  }

  void program(const std::string& config_hash) {
    const bool running = std::any_of(facts_.pods.begin(), facts_.pods.end(), [](const PodFacts& pod) {
      return !pod.terminating && (!pod.address.empty() || pod.at_gate);
    });
    if (running) plan_.steps.emplace_back(ProgramPods{config_hash});
  }

  void end_rotation() {
    if (!facts_.console.previous_admin_password) return;
    render::ConsoleCredentials console = facts_.console;
    console.previous_admin_password.reset();
    plan_.steps.emplace_back(
        EndRotation{.secret = render::with_applied_hash(render::console_secret(facts_.pool, console))});
  }

  void remove_unwanted() {
    for (const api::Object& object : stored_.owned) {
      const ObjectKey key = api::key_of(*object);
      if (wanted_.contains(key) || !is_ours(*object, facts_)) continue;
      plan_.steps.emplace_back(RemoveObject{.key = key, .uid = api::metadata_string(*object, "uid")});
    }
  }

  /// With a conflict nothing is done: half a pool would serve nobody, and the logins of a foreign Secret are not ours.
  Plan take() {
    if (!plan_.conflicts.empty()) plan_.steps.clear();
    return std::move(plan_);
  }

 private:
  const StoredObjects& stored_;
  const Facts& facts_;
  std::set<ObjectKey> wanted_;
  Plan plan_;
};

}  // namespace

Plan make_plan(const Decision& decision, const StoredObjects& stored, const Facts& facts) {
  PlanBuilder builder(stored, facts);
  if (!decision.rendered) return builder.take();
  const auto& objects = decision.rendered->objects;
  // The files come first and go live before what relies on them: URLs, and the Deployment that may start more pods.
  const auto config = std::find_if(objects.begin(), objects.end(),
                                   [](const Json& object) { return object.value("kind", "") == "ConfigMap"; });
  for (auto object = objects.begin(); object != objects.end(); ++object) {
    builder.want(*object);
    if (object == config) builder.program(decision.rendered->config_hash);
  }
  builder.remove_unwanted();
  builder.end_rotation();
  return builder.take();
}

std::string describe(const Step& step) {
  struct Words {
    std::string operator()(const ApplyObject& apply) const { return "apply " + to_string(api::key_of(apply.object)); }
    std::string operator()(const RemoveObject& remove) const { return "remove " + to_string(remove.key); }
    std::string operator()(const ProgramPods& program) const {
      return "program pods " + program.config_hash.substr(0, 12);
    }
    std::string operator()(const EndRotation& end) const {
      return "end the rotation of " + to_string(api::key_of(end.secret));
    }
  };
  return std::visit(Words{}, step);
}

}  // namespace poolwright::reconcile

// render --diff: what the operator would change if the files were applied, by the operator's own decision and plan.
#include <iostream>
#include <set>

#include "api/yaml.h"
#include "cli/cli.h"
#include "cli/cluster_access.h"
#include "cli/commands.h"
#include "cli/diff_view.h"
#include "cli/input_files.h"
#include "reconcile/gather.h"
#include "reconcile/plan.h"
#include "reconcile/size_advisor.h"

namespace poolwright::cli {

namespace {

using api::Json;

/// Reads from the API server, each object once; writes are refused, since nothing of a plan is carried out here.
class ReadOnlyStore final : public api::ObjectStore {
 public:
  explicit ReadOnlyStore(ClusterAccess& access) : access_(access) {}

  api::Object cached(const api::ObjectKey& key) const override {
    const auto known = objects_.find(key);
    if (known != objects_.end()) return known->second;
    auto found = access_.client().get(key, access_.limits());
    return objects_[key] = found ? std::make_shared<const Json>(*std::move(found)) : nullptr;
  }

  std::vector<api::Object> cached_list(const std::string& kind, const std::string& namespace_name) const override {
    const char* version = kind == "PodDisruptionBudget" ? "policy/v1"
                          : kind == "NetworkPolicy"     ? "networking.k8s.io/v1"
                                                        : "v1";
    std::vector<api::Object> objects;
    auto found = access_.client().list({.api_version = version, .kind = kind, .namespace_name = namespace_name},
                                       access_.limits());
    if (!found) return objects;
    for (Json& object : *found) {
      // A list leaves these out.
      object["apiVersion"] = version;
      object["kind"] = kind;
      objects.push_back(std::make_shared<const Json>(std::move(object)));
    }
    return objects;
  }

  Result<Json> get(const api::ObjectKey& key, const CallLimits& limits) override {
    return access_.client().get(key, limits);
  }
  Result<Json> apply(const Json& /*object*/, const CallLimits& /*limits*/) override { return refused(); }
  Status remove(const api::ObjectKey& /*key*/, const std::string& /*uid*/, const CallLimits& /*limits*/) override {
    return refused();
  }
  Result<Json> apply_status(const api::ObjectKey& /*key*/, const Json& /*status*/,
                            const CallLimits& /*limits*/) override {
    return refused();
  }
  Status merge_patch(const api::ObjectKey& /*key*/, const Json& /*patch*/, const CallLimits& /*limits*/) override {
    return refused();
  }
  void note(const api::EventNote& /*event*/) override {}

 private:
  static Error refused() { return make_error(ErrorKind::kInternal, "a difference is looked at, nothing is written"); }

  ClusterAccess& access_;
  mutable std::map<api::ObjectKey, api::Object> objects_;
};

/// The pool of the file as it would be stored: with the identity of the one that is there.
Result<api::ConnectionPool> as_stored(ClusterAccess& access, api::ConnectionPool pool, Json& status) {
  if (pool.namespace_name.empty()) pool.namespace_name = access.namespace_name();
  auto stored = access.client().get(
      {.api_version = api::kApiVersion, .kind = api::kKind, .namespace_name = pool.namespace_name, .name = pool.name},
      access.limits());
  if (!stored && stored.error().kind != ErrorKind::kNotFound) return std::move(stored).error();
  pool.uid = stored ? api::metadata_string(*stored, "uid") : "00000000-0000-0000-0000-000000000000";
  if (stored) status = stored->value("status", Json::object());
  return pool;
}

/// Prints what would change; whether anything would.
Result<bool> diff_pool(ClusterAccess& access, const api::ConnectionPool& from_file, const RenderOptions& options) {
  Json status = Json::object();
  PW_ASSIGN_OR_RETURN(const api::ConnectionPool pool, as_stored(access, from_file, status));
  ReadOnlyStore store(access);
  reconcile::SecretReader secrets(store, access.clock(), reconcile::SecretNotice::kPoll);
  const reconcile::GatherParts parts{.store = store, .secrets = secrets, .random = access.random()};
  PW_ASSIGN_OR_RETURN(reconcile::Facts facts, reconcile::gather_facts(parts, pool, access.limits()));
  // What the load and the other pools of the server ask for is known to the running operator alone.
  facts.advice = reconcile::RecordedSizes().advise(facts).value_or(reconcile::PoolAdvice{});
  const reconcile::Decision decision = reconcile::decide(facts, {.image_repository = options.image_repository});
  if (!decision.rendered) return make_error(ErrorKind::kInvalid, decision.stalled_message);
  PW_ASSIGN_OR_RETURN(const reconcile::StoredObjects stored,
                      reconcile::gather_stored(parts, facts, decision, status, access.limits()));
  const reconcile::Plan plan = reconcile::make_plan(decision, stored, facts);
  for (const reconcile::NameTaken& taken : plan.conflicts) {
    std::cout << to_string(taken.key) << " belongs to " << taken.owner << " and is left alone\n";
  }
  bool changes = false;
  for (const reconcile::Step& step : plan.steps) {
    const auto* apply = std::get_if<reconcile::ApplyObject>(&step);
    const auto* remove = std::get_if<reconcile::RemoveObject>(&step);
    changes = changes || apply != nullptr || remove != nullptr;
    if (remove != nullptr) std::cout << "- " << to_string(remove->key) << "\n";
    if (apply == nullptr) continue;
    const auto found = stored.by_key.find(api::key_of(apply->object));
    const bool exists = found != stored.by_key.end() && found->second;
    std::cout << (exists ? "~ " : "+ ") << to_string(api::key_of(apply->object)) << "\n"
              << (exists ? difference_text(*found->second, apply->object, stdout_style()) : std::string());
  }
  return changes;
}

}  // namespace

int render_diff(const RenderOptions& options, const ClusterOptions& cluster) {
  const auto files = read_input(options.files.paths);
  if (!files) return report_failure("render", files.error());
  auto access = ClusterAccess::open(cluster);
  if (!access) return report_failure("render", access.error());
  bool changes = false;
  bool any = false;
  for (const InputFile& file : *files) {
    const api::PoolFile content =
        api::read_pools(file.text, {.allow_loopback_hosts = options.files.allow_loopback_hosts});
    std::vector<api::FieldError> errors = content.errors;
    for (const api::Parsed& parsed : content.pools) {
      errors.insert(errors.end(), parsed.errors.begin(), parsed.errors.end());
    }
    if (!errors.empty()) {
      for (const api::FieldError& error : errors) {
        std::cerr << file.name << ":" << error.line << ": " << to_string(error) << "\n";
      }
      return kExitFailed;
    }
    for (const api::Parsed& parsed : content.pools) {
      any = true;
      const auto changed = diff_pool(**access, *parsed.pool, options);
      if (!changed) return report_failure("render", with_next_step(changed.error()));
      if (!*changed) std::cerr << parsed.pool->name << ": nothing would change\n";
      changes = changes || *changed;
    }
  }
  if (any) return changes ? kExitDiffers : kExitOk;
  return report_failure("render", make_error(ErrorKind::kInvalid, "no ConnectionPool in what was given"));
}

}  // namespace poolwright::cli

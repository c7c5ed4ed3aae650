#include "sizing/observation_json.h"

#include <array>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <span>

namespace poolwright::sizing {
namespace {

using Json = nlohmann::json;

/// One number of a struct: its key and what a log may hold.
template <typename Struct, typename Number>
struct Field {
  const char* key;
  Number Struct::*member;
  double least;
  double most;
};

constexpr double kSecondsMax = 1e6;
constexpr double kCountMax = 1e6;
constexpr double kTimeMax = 1e12;
constexpr double kCounterMax = 9.0e15;

constexpr std::array kPolicyNumbers = std::to_array<Field<PoolPolicy, double>>({
    {"target_utilization", &PoolPolicy::target_utilization, 0.01, 1},
    {"max_wait_probability", &PoolPolicy::max_wait_probability, 1e-9, 1},
    {"up_factor", &PoolPolicy::up_factor, 1, 1000},
    {"up_period_s", &PoolPolicy::up_period_s, 0, kSecondsMax},
    {"up_window_s", &PoolPolicy::up_window_s, 0, 3600},
    {"down_window_s", &PoolPolicy::down_window_s, 0, 3600},
    {"down_fraction", &PoolPolicy::down_fraction, 0, 1},
    {"down_period_s", &PoolPolicy::down_period_s, 0, kSecondsMax},
    {"tolerance", &PoolPolicy::tolerance, 0, 1},
    {"leak_compensation", &PoolPolicy::leak_compensation, 0, 1},
});
constexpr std::array kPolicyCounts =
    std::to_array<Field<PoolPolicy, int>>({{"up_step", &PoolPolicy::up_step, 1, kCountMax}});

constexpr std::array kEstimatorNumbers = std::to_array<Field<EstimatorParameters, double>>({
    {"drain_s", &EstimatorParameters::drain_s, 0.01, kSecondsMax},
    {"histogram_half_life_s", &EstimatorParameters::histogram_half_life_s, 1, kSecondsMax},
    {"histogram_percentile", &EstimatorParameters::histogram_percentile, 0, 1},
    {"need_window_s", &EstimatorParameters::need_window_s, 0, 3600},
    {"bare_utilization", &EstimatorParameters::bare_utilization, 0.01, 1},
    {"bare_beta", &EstimatorParameters::bare_beta, 0, 5},
    {"stale_after_s", &EstimatorParameters::stale_after_s, 0, kSecondsMax},
    {"max_gap_s", &EstimatorParameters::max_gap_s, 0, kSecondsMax},
    {"min_step_s", &EstimatorParameters::min_step_s, 1e-3, kSecondsMax},
    {"contending_s", &EstimatorParameters::contending_s, 0, kSecondsMax},
});
constexpr std::array kEstimatorCounts = std::to_array<Field<EstimatorParameters, int>>(
    {{"fast_samples", &EstimatorParameters::fast_samples, 1, static_cast<double>(60)}});

constexpr std::array kGuardNumbers = std::to_array<Field<GuardParameters, double>>({
    {"initial_safe", &GuardParameters::initial_safe, 1, kCountMax},
    {"growth_factor", &GuardParameters::growth_factor, 1, 1000},
    {"trial_share", &GuardParameters::trial_share, 0, 10},
    {"trial_settle_s", &GuardParameters::trial_settle_s, 0, kSecondsMax},
    {"trial_min_s", &GuardParameters::trial_min_s, 1, kSecondsMax},
    {"trial_max_s", &GuardParameters::trial_max_s, 1, 60},
    {"max_error", &GuardParameters::max_error, 0, 10},
    {"gain_min", &GuardParameters::gain_min, 0, 10},
    {"min_ratio", &GuardParameters::min_ratio, 1, 10},
    {"test_shrink", &GuardParameters::test_shrink, 0.1, 1},
    {"lockout_s", &GuardParameters::lockout_s, 0, kSecondsMax},
    {"probe_period_s", &GuardParameters::probe_period_s, 1, kSecondsMax},
    {"probe_period_max_s", &GuardParameters::probe_period_max_s, 1, kSecondsMax},
    {"probe_step", &GuardParameters::probe_step, 0.01, 10},
    {"probe_step_max", &GuardParameters::probe_step_max, 0.01, 10},
    {"gain_probe", &GuardParameters::gain_probe, 0, 10},
    {"gain_epsilon", &GuardParameters::gain_epsilon, 0, 10},
    {"clear_s", &GuardParameters::clear_s, 0, kSecondsMax},
    {"forget_s", &GuardParameters::forget_s, 1, 1e9},
});
constexpr std::array kGuardCounts =
    std::to_array<Field<GuardParameters, int>>({{"blocked_ticks", &GuardParameters::blocked_ticks, 0, kCountMax}});

constexpr std::array kLimits = std::to_array<Field<SizeLimits, int>>({
    {"min", &SizeLimits::min, 0, kCountMax},
    {"max", &SizeLimits::max, 1, kCountMax},
    {"initial", &SizeLimits::initial, 0, kCountMax},
    {"reserve", &SizeLimits::reserve_per_pod, 0, kCountMax},
});
constexpr std::array kPoolCounts = std::to_array<Field<PoolInput, int>>({
    {"pods", &PoolInput::pods, 1, static_cast<double>(kPodsMax)},
    {"size", &PoolInput::size, 1, kCountMax},
    {"leaked", &PoolInput::leaked, 0, kCountMax},
});
// The shares of a contended budget are quotients of weights: extremes would only be lost digits.
constexpr std::array kPoolNumbers =
    std::to_array<Field<PoolInput, double>>({{"weight", &PoolInput::weight, 1e-3, 1e3}});

constexpr std::array kCounters = std::to_array<Field<PodCounters, double>>({
    {"xact_count", &PodCounters::xact_count, 0, kCounterMax},
    {"xact_time", &PodCounters::xact_time_us, 0, kCounterMax},
    {"query_time", &PodCounters::query_time_us, 0, kCounterMax},
    {"wait_time", &PodCounters::wait_time_us, 0, kCounterMax},
});
constexpr std::array kGauges = std::to_array<Field<PodGauges, int>>({
    {"sv_active", &PodGauges::sv_active, 0, kCountMax},
    {"sv_idle", &PodGauges::sv_idle, 0, kCountMax},
    {"sv_used", &PodGauges::sv_used, 0, kCountMax},
    {"sv_tested", &PodGauges::sv_tested, 0, kCountMax},
    {"sv_login", &PodGauges::sv_login, 0, kCountMax},
    {"sv_being_canceled", &PodGauges::sv_being_canceled, 0, kCountMax},
    {"cl_active", &PodGauges::cl_active, 0, kCountMax},
    {"cl_waiting", &PodGauges::cl_waiting, 0, kCountMax},
});
constexpr std::array kObservationCounts = std::to_array<Field<PodObservation, int>>({
    {"pool_size", &PodObservation::pool_size, 0, kCountMax},
    {"reserve", &PodObservation::reserve, 0, kCountMax},
});

Json to_json(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

template <typename Struct, typename Fields>
void write(Json& object, const Struct& from, const Fields& fields, const Struct* defaults = nullptr) {
  for (const auto& field : fields) {
    if (defaults != nullptr && from.*field.member == defaults->*field.member) continue;
    if constexpr (std::is_same_v<std::remove_cvref_t<decltype(from.*field.member)>, double>) {
      object[field.key] = to_json(from.*field.member);
    } else {
      object[field.key] = from.*field.member;
    }
  }
}

Error wrong(const std::string& what) { return make_error(ErrorKind::kInvalid, "parse observation record: " + what); }

/// Reads the fields that are there. A null is a number that was not to be had, where `null_is_nan` allows that.
template <typename Struct, typename Fields>
Status read(const Json& object, Struct& to, const Fields& fields, bool null_is_nan = false) {
  for (const auto& field : fields) {
    using Number = std::remove_cvref_t<decltype(to.*field.member)>;
    const auto found = object.find(field.key);
    if (found == object.end()) continue;
    if constexpr (std::is_same_v<Number, double>) {
      if (found->is_null() && null_is_nan) {
        to.*field.member = std::numeric_limits<double>::quiet_NaN();
        continue;
      }
    }
    const bool has_type = std::is_same_v<Number, double> ? found->is_number() : found->is_number_integer();
    const double value = has_type ? found->template get<double>() : 0.0;
    if (!has_type || !(value >= field.least && value <= field.most)) {
      return wrong("\"" + std::string(field.key) + "\" must be a number from " + Json(field.least).dump() + " to " +
                   Json(field.most).dump());
    }
    to.*field.member = static_cast<Number>(value);
  }
  return ok();
}

Status read_time(const Json& object, double& to) {
  const auto found = object.find("time");
  if (found == object.end() || !found->is_number() || !(std::abs(found->get<double>()) <= kTimeMax)) {
    return wrong("\"time\" must be a number of seconds");
  }
  to = found->get<double>();
  return ok();
}

Status read_text(const Json& object, const char* key, std::string& to) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string() || found->get_ref<const std::string&>().size() > 512) {
    return wrong("\"" + std::string(key) + "\" must be a string of at most 512 bytes");
  }
  to = found->get<std::string>();
  return ok();
}

/// The object under `key`; an empty one if there is none.
Result<Json> read_object(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) return Json::object();
  if (!found->is_object()) return wrong("\"" + std::string(key) + "\" must be an object");
  return *found;
}

Status read_flag(const Json& object, const char* key, bool& to) {
  const auto found = object.find(key);
  if (found == object.end()) return ok();
  if (!found->is_boolean()) return wrong("\"" + std::string(key) + "\" must be true or false");
  to = found->get<bool>();
  return ok();
}

constexpr std::array<const char*, 3> kModes = {"Auto", "Recommend", "Fixed"};

Status read_mode(const Json& object, SizingMode& to) {
  const auto found = object.find("mode");
  if (found == object.end()) return ok();
  for (std::size_t i = 0; i < kModes.size(); ++i) {
    if (*found != kModes[i]) continue;
    to = static_cast<SizingMode>(i);
    return ok();
  }
  return wrong("\"mode\" must be Auto, Recommend or Fixed");
}

Result<PodObservation> parse_observation(const Json& object) {
  PodObservation observation;
  PW_RETURN_IF_ERROR(read_time(object, observation.time_s));
  PW_RETURN_IF_ERROR(read(object, observation.counters, kCounters, true));
  PW_RETURN_IF_ERROR(read(object, observation.gauges, kGauges));
  PW_RETURN_IF_ERROR(read(object, observation, kObservationCounts));
  constexpr std::array kMaxwait =
      std::to_array<Field<PodGauges, double>>({{"maxwait", &PodGauges::maxwait_s, 0, kTimeMax}});
  PW_RETURN_IF_ERROR(read(object, observation.gauges, kMaxwait, true));
  PW_RETURN_IF_ERROR(read_flag(object, "paused", observation.is_paused));
  return observation;
}

Result<PodInput> parse_pod(const Json& object) {
  if (!object.is_object()) return wrong("a pod must be an object");
  PodInput pod;
  PW_RETURN_IF_ERROR(read_text(object, "name", pod.name));
  constexpr std::array kCeiling = std::to_array<Field<PodInput, int>>({{"ceiling", &PodInput::ceiling, 0, kCountMax}});
  PW_RETURN_IF_ERROR(read(object, pod, kCeiling));
  if (!object.contains("observation")) return pod;
  PW_ASSIGN_OR_RETURN(const Json observation, read_object(object, "observation"));
  PW_ASSIGN_OR_RETURN(pod.observation, parse_observation(observation));
  return pod;
}

Result<PoolInput> parse_pool(const Json& object) {
  if (!object.is_object()) return wrong("a pool must be an object");
  PoolInput pool;
  PW_RETURN_IF_ERROR(read_text(object, "id", pool.id));
  PW_RETURN_IF_ERROR(read_mode(object, pool.mode));
  PW_RETURN_IF_ERROR(read(object, pool.limits, kLimits));
  PW_RETURN_IF_ERROR(read(object, pool, kPoolCounts));
  PW_RETURN_IF_ERROR(read(object, pool, kPoolNumbers));
  PW_ASSIGN_OR_RETURN(const Json policy, read_object(object, "policy"));
  PW_RETURN_IF_ERROR(read(policy, pool.policy, kPolicyNumbers));
  PW_RETURN_IF_ERROR(read(policy, pool.policy, kPolicyCounts));
  const auto pods = object.find("pod_inputs");
  if (pods == object.end()) return pool;
  if (!pods->is_array() || pods->size() > kPodsMax) return wrong("\"pod_inputs\" must be a list of at most 1024 pods");
  std::set<std::string> names;
  for (const Json& entry : *pods) {
    PW_ASSIGN_OR_RETURN(PodInput pod, parse_pod(entry));
    if (!names.insert(pod.name).second) return wrong("two pods are named \"" + pod.name + "\"");
    pool.pod_inputs.push_back(std::move(pod));
  }
  return pool;
}

Result<Parameters> parse_parameters(const Json& object) {
  Parameters parameters;
  PW_ASSIGN_OR_RETURN(const Json estimator, read_object(object, "estimator"));
  PW_RETURN_IF_ERROR(read(estimator, parameters.estimator, kEstimatorNumbers));
  PW_RETURN_IF_ERROR(read(estimator, parameters.estimator, kEstimatorCounts));
  PW_ASSIGN_OR_RETURN(const Json guard, read_object(object, "guard"));
  PW_RETURN_IF_ERROR(read(guard, parameters.guard, kGuardNumbers));
  PW_RETURN_IF_ERROR(read(guard, parameters.guard, kGuardCounts));
  PW_RETURN_IF_ERROR(read_flag(guard, "enabled", parameters.guard.enabled));
  return parameters;
}

Json observation_json(const PodObservation& observation) {
  Json object = {{"time", observation.time_s}};
  write(object, observation.counters, kCounters);
  const PodGauges zero;
  write(object, observation.gauges, kGauges, &zero);
  write(object, observation, kObservationCounts);
  if (observation.gauges.maxwait_s != 0.0) object["maxwait"] = to_json(observation.gauges.maxwait_s);
  if (observation.is_paused) object["paused"] = true;
  return object;
}

Json pool_json(const PoolInput& pool) {
  Json object = {{"id", pool.id}, {"mode", kModes.at(static_cast<std::size_t>(pool.mode))}};
  write(object, pool.limits, kLimits);
  write(object, pool, kPoolCounts);
  write(object, pool, kPoolNumbers);
  const PoolPolicy defaults;
  Json policy = Json::object();
  write(policy, pool.policy, kPolicyNumbers, &defaults);
  write(policy, pool.policy, kPolicyCounts, &defaults);
  if (!policy.empty()) object["policy"] = policy;
  Json pods = Json::array();
  for (const PodInput& pod : pool.pod_inputs) {
    Json entry = {{"name", pod.name}, {"ceiling", pod.ceiling}};
    if (pod.observation) entry["observation"] = observation_json(*pod.observation);
    pods.push_back(std::move(entry));
  }
  object["pod_inputs"] = std::move(pods);
  return object;
}

Json parameters_json(const Parameters& parameters) {
  const Parameters defaults;
  Json estimator = Json::object();
  write(estimator, parameters.estimator, kEstimatorNumbers, &defaults.estimator);
  write(estimator, parameters.estimator, kEstimatorCounts, &defaults.estimator);
  Json guard = Json::object();
  write(guard, parameters.guard, kGuardNumbers, &defaults.guard);
  write(guard, parameters.guard, kGuardCounts, &defaults.guard);
  if (!parameters.guard.enabled) guard["enabled"] = false;
  Json object = Json::object();
  if (!estimator.empty()) object["estimator"] = std::move(estimator);
  if (!guard.empty()) object["guard"] = std::move(guard);
  return object;
}

}  // namespace

std::string to_json_line(const ObservationRecord& record) {
  Json object = {{"time", record.input.time_s}, {"server", record.server}, {"budget", record.input.budget}};
  if (record.begins) object["begins"] = true;
  Json parameters = parameters_json(record.parameters);
  if (!parameters.empty()) object["parameters"] = std::move(parameters);
  Json pools = Json::array();
  for (const PoolInput& pool : record.input.pools) pools.push_back(pool_json(pool));
  object["pools"] = std::move(pools);
  return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<ObservationRecord> parse_json_line(std::string_view line) {
  if (line.size() > kRecordBytesMax) return wrong("a line must have at most 4 MiB");
  const Json object = Json::parse(line, nullptr, false);
  if (!object.is_object()) return wrong("a line must be a JSON object");
  ObservationRecord record;
  PW_RETURN_IF_ERROR(read_time(object, record.input.time_s));
  PW_RETURN_IF_ERROR(read_text(object, "server", record.server));
  PW_RETURN_IF_ERROR(read_flag(object, "begins", record.begins));
  constexpr std::array kBudget =
      std::to_array<Field<ServerInput, int>>({{"budget", &ServerInput::budget, 0, kCountMax}});
  PW_RETURN_IF_ERROR(read(object, record.input, kBudget));
  PW_ASSIGN_OR_RETURN(const Json parameters, read_object(object, "parameters"));
  PW_ASSIGN_OR_RETURN(record.parameters, parse_parameters(parameters));
  const auto pools = object.find("pools");
  if (pools == object.end() || !pools->is_array() || pools->size() > kPoolsMax) {
    return wrong("\"pools\" must be a list of at most 4096 pools");
  }
  std::set<std::string> ids;
  for (const Json& entry : *pools) {
    PW_ASSIGN_OR_RETURN(PoolInput pool, parse_pool(entry));
    if (!ids.insert(pool.id).second) return wrong("two pools have the id \"" + pool.id + "\"");
    record.input.pools.push_back(std::move(pool));
  }
  return record;
}

}  // namespace poolwright::sizing

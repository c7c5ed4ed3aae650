#include "api/status.h"

#include <algorithm>
#include <array>
#include <utility>

namespace poolwright::api {

namespace {

constexpr std::size_t kMaxMessageLength = 1024;  // as the CRD says; longer ones are cut

constexpr std::array<std::pair<ConditionStatus, const char*>, 3> kConditionStatuses{
    {{ConditionStatus::kTrue, "True"}, {ConditionStatus::kFalse, "False"}, {ConditionStatus::kUnknown, "Unknown"}}};

const char* status_word(ConditionStatus status) {
  for (const auto& [value, word] : kConditionStatuses) {
    if (value == status) return word;
  }
  return "Unknown";
}

std::string shortened_message(const std::string& text) { return shortened(text, kMaxMessageLength); }

void put(Json& object, const char* name, const std::string& value) {
  if (!value.empty()) object[name] = value;
}

void put(Json& object, const char* name, const std::optional<std::int32_t>& value) {
  if (value) object[name] = *value;
}

Json condition_json(const Condition& condition) {
  Json json{{"type", condition.type},
            {"status", status_word(condition.status)},
            {"reason", condition.reason},
            {"message", shortened_message(condition.message)},
            {"observedGeneration", condition.observed_generation}};
  put(json, "lastTransitionTime", condition.last_transition_time);
  return json;
}

Json database_json(const DatabaseStatus& database) {
  Json json{{"name", database.name}, {"size", database.size}, {"connectionLimit", database.connection_limit}};
  put(json, "secretName", database.secret_name);
  put(json, "recommendedSize", database.recommended_size);
  put(json, "sizeReason", shortened_message(database.size_reason));
  put(json, "utilizationPercent", database.utilization_percent);
  put(json, "waitingClients", database.waiting_clients);
  put(json, "budgetShare", database.budget_share);
  return json;
}

Json pod_json(const PodStatus& pod) {
  Json json{{"name", pod.name}, {"ready", pod.ready}};
  put(json, "pgbouncerVersion", pod.pgbouncer_version);
  put(json, "configHash", pod.config_hash);
  return json;
}

/// Highest utilization of any database; nothing while none is known.
std::optional<std::int32_t> highest_utilization(const std::vector<DatabaseStatus>& databases) {
  std::optional<std::int32_t> highest;
  for (const DatabaseStatus& database : databases) highest = std::max(highest, database.utilization_percent);
  return highest;
}

std::optional<std::string> text_at(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

std::optional<ConditionStatus> condition_status_of(const Json& condition) {
  const std::optional<std::string> text = text_at(condition, "status");
  if (!text) return std::nullopt;
  for (const auto& [value, word] : kConditionStatuses) {
    if (*text == word) return value;
  }
  return std::nullopt;
}

std::optional<Condition> condition_of(const Json& json) {
  if (!json.is_object()) return std::nullopt;
  const std::optional<std::string> type = text_at(json, "type");
  const std::optional<ConditionStatus> status = condition_status_of(json);
  if (!type || type->empty() || !status) return std::nullopt;
  Condition condition;
  condition.type = *type;
  condition.status = *status;
  condition.reason = text_at(json, "reason").value_or("");
  condition.message = text_at(json, "message").value_or("");
  condition.last_transition_time = text_at(json, "lastTransitionTime").value_or("");
  const auto generation = json.find("observedGeneration");
  if (generation != json.end() && generation->is_number_integer()) {
    condition.observed_generation = generation->get<std::int64_t>();
  }
  return condition;
}

}  // namespace

Json status_json(const ConnectionPoolStatus& status) {
  Json json{{"observedGeneration", status.observed_generation},
            {"replicas", status.replicas},
            {"readyReplicas", status.ready_replicas},
            {"podsReady", std::to_string(status.ready_replicas) + "/" + std::to_string(status.replicas)},
            {"size", status.size}};
  put(json, "sizeMax", status.size_max);
  put(json, "utilizationPercent", highest_utilization(status.databases));
  put(json, "summary", shortened_message(status.summary));
  put(json, "lastHandledRequest", status.last_handled_request);
  put(json, "configHash", status.config_hash);
  put(json, "selector", status.selector);
  put(json, "serviceName", status.service_name);
  put(json, "endpoint", status.endpoint);
  if (!status.binding_name.empty()) json["binding"] = {{"name", status.binding_name}};
  for (const Condition& condition : status.conditions) json["conditions"].push_back(condition_json(condition));
  for (const DatabaseStatus& database : status.databases) json["databases"].push_back(database_json(database));
  for (const PodStatus& pod : status.pods) json["pods"].push_back(pod_json(pod));
  return json;
}

std::string shortened(const std::string& text, std::size_t length_max) {
  if (text.size() <= length_max) return text;
  std::size_t end = length_max - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end) + "...";
}

std::vector<Condition> conditions_of(const Json& status) {
  std::vector<Condition> conditions;
  if (!status.is_object()) return conditions;
  const auto list = status.find("conditions");
  if (list == status.end() || !list->is_array()) return conditions;
  for (const Json& json : *list) {
    if (std::optional<Condition> condition = condition_of(json)) conditions.push_back(std::move(*condition));
  }
  return conditions;
}

const Condition* find_condition(const std::vector<Condition>& conditions, std::string_view type) {
  const auto found = std::find_if(conditions.begin(), conditions.end(),
                                  [&](const Condition& condition) { return condition.type == type; });
  return found == conditions.end() ? nullptr : &*found;
}

std::vector<Condition> merge_conditions(const std::vector<Condition>& previous, std::vector<Condition> wanted,
                                        const std::string& now) {
  for (Condition& condition : wanted) {
    const Condition* before = find_condition(previous, condition.type);
    const bool unchanged =
        before != nullptr && before->status == condition.status && !before->last_transition_time.empty();
    condition.last_transition_time = unchanged ? before->last_transition_time : now;
  }
  return wanted;
}

}  // namespace poolwright::api

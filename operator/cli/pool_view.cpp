#include "cli/pool_view.h"

#include <algorithm>
#include <optional>
#include <set>

#include "api/status.h"
#include "base/rfc3339.h"

namespace poolwright::cli {

namespace {

using api::Condition;
using api::ConditionStatus;
using api::Json;
using Pointer = Json::json_pointer;

std::string text_at(const Json& object, const char* path) {
  const Pointer pointer(path);
  if (!object.contains(pointer) || !object.at(pointer).is_string()) return {};
  return printable(object.at(pointer).get<std::string>());
}

std::optional<std::int64_t> number_at(const Json& object, const char* path) {
  const Pointer pointer(path);
  if (!object.contains(pointer) || !object.at(pointer).is_number_integer()) return std::nullopt;
  return object.at(pointer).get<std::int64_t>();
}

std::string shown(const std::optional<std::int64_t>& number) { return number ? std::to_string(*number) : "-"; }

std::vector<Json> list_at(const Json& object, const char* path) {
  std::vector<Json> items;
  const Pointer pointer(path);
  if (!object.contains(pointer) || !object.at(pointer).is_array()) return items;
  for (const Json& item : object.at(pointer)) {
    if (item.is_object()) items.push_back(item);
  }
  return items;
}

std::vector<Condition> conditions(const Json& pool) {
  return api::conditions_of(pool.contains("status") ? pool.at("status") : Json::object());
}

const char* word_of(ConditionStatus status) {
  if (status == ConditionStatus::kUnknown) return "Unknown";
  return status == ConditionStatus::kTrue ? "True" : "False";
}

bool is_good_when_true(const std::string& type) {
  static const std::set<std::string> kGood = {api::condition::kAccepted, api::condition::kResolvedRefs,
                                              api::condition::kProgrammed, api::condition::kReady};
  return kGood.contains(type);
}

Tone tone_of(const Condition& condition) {
  if (condition.status == ConditionStatus::kUnknown) return Tone::kWarning;
  const bool holds = condition.status == ConditionStatus::kTrue;
  if (is_good_when_true(condition.type)) return holds ? Tone::kGood : Tone::kBad;
  return holds ? Tone::kWarning : Tone::kDim;
}

Condition ready_of(const Json& pool) {
  const auto all = conditions(pool);
  const Condition* found = api::find_condition(all, api::condition::kReady);
  return found == nullptr ? Condition{.type = api::condition::kReady, .reason = "Pending"} : *found;
}

Tone tone_of_utilization(const std::optional<std::int64_t>& percent) {
  if (!percent || *percent < 80) return Tone::kPlain;
  return *percent < 90 ? Tone::kWarning : Tone::kBad;
}

/// The spec's entry of a database; null where the status knows one that the spec has no more.
Json database_spec(const Json& pool, const std::string& name) {
  for (const Json& database : list_at(pool, "/spec/databases")) {
    if (text_at(database, "/name") == name) return database;
  }
  return nullptr;
}

std::string or_default(const std::string& text, const char* otherwise) { return text.empty() ? otherwise : text; }

std::string conditions_table(const Json& pool, WallTime now, const Style& style) {
  std::vector<Row> rows;
  for (const Condition& condition : conditions(pool)) {
    rows.push_back({condition.type,
                    {word_of(condition.status), tone_of(condition)},
                    condition.reason,
                    age_of(condition.last_transition_time, now),
                    condition.message});
  }
  return table({"CONDITION", "STATUS", "REASON", "SINCE", "MESSAGE"}, rows, style);
}

std::string databases_table(const Json& pool, const Style& style) {
  std::vector<Row> rows;
  for (const Json& database : list_at(pool, "/status/databases")) {
    const auto used = number_at(database, "/utilizationPercent");
    const Json spec = database_spec(pool, text_at(database, "/name"));
    rows.push_back({text_at(database, "/name"), shown(number_at(database, "/size")),
                    shown(number_at(spec, "/poolSize/max")), shown(number_at(database, "/recommendedSize")),
                    Cell(shown(used), tone_of_utilization(used)), shown(number_at(database, "/waitingClients")),
                    shown(number_at(database, "/connectionLimit")), text_at(database, "/secretName")});
  }
  return table({"DATABASE", "SIZE", "MAX", "WOULD BE", "UTIL%", "WAITING", "PER CLIENT", "URL SECRET"}, rows, style);
}

std::string pods_table(const Json& pool, const Style& style) {
  const std::string wanted = text_at(pool, "/status/configHash");
  std::vector<Row> rows;
  for (const Json& pod : list_at(pool, "/status/pods")) {
    const bool ready = pod.value("ready", Json(false)) == true;
    const std::string hash = text_at(pod, "/configHash");
    const bool current = !hash.empty() && hash == wanted;
    rows.push_back({text_at(pod, "/name"), Cell(ready ? "yes" : "no", ready ? Tone::kGood : Tone::kBad),
                    or_default(text_at(pod, "/pgbouncerVersion"), "-"),
                    Cell(current ? "current" : (hash.empty() ? "not read back" : "older"),
                         current ? Tone::kGood : Tone::kWarning)});
  }
  return table({"POD", "READY", "PGBOUNCER", "CONFIG"}, rows, style);
}

std::string seconds_of(const Json& pool, const char* path, std::int64_t otherwise) {
  return std::to_string(number_at(pool, path).value_or(otherwise)) + " s";
}

/// What a person could do about the size, from what the spec says.
std::vector<std::string> levers(const Json& pool, const Json& spec, const Json& status) {
  const std::string mode = or_default(text_at(pool, "/spec/sizing/mode"), "Auto");
  const std::int64_t min = number_at(spec, "/poolSize/min").value_or(5);
  const std::int64_t max = number_at(spec, "/poolSize/max").value_or(25);
  const std::int64_t size = number_at(status, "/size").value_or(0);
  const auto recommended = number_at(status, "/recommendedSize");
  std::vector<std::string> lines;
  if (mode == "Fixed") {
    lines.push_back("sizing.mode is Fixed: it changes with poolSize only; Auto would let it follow the load.");
  } else if (mode == "Recommend") {
    lines.push_back("sizing.mode is Recommend: the size stays, only the recommendation follows the load" +
                    (recommended ? "; Auto would run " + std::to_string(*recommended) : std::string()) + ".");
  } else {
    if (size >= max) {
      lines.push_back("It is at poolSize.max (" + std::to_string(max) + "): only a larger maximum lets it grow.");
    } else {
      lines.push_back("It grows with the demand, up to poolSize.max (" + std::to_string(max) + "), above " +
                      std::to_string(number_at(pool, "/spec/sizing/targetUtilizationPercent").value_or(70)) +
                      " % utilization.");
    }
    lines.push_back(size <= min ? "It is at poolSize.min (" + std::to_string(min) + "): it does not shrink below."
                                : "It shrinks when less was needed for " +
                                      seconds_of(pool, "/spec/sizing/scaleDown/stabilizationWindowSeconds", 120) +
                                      ", down to poolSize.min (" + std::to_string(min) + ").");
  }
  if (const auto share = number_at(status, "/budgetShare")) {
    lines.push_back("Of the server's connection budget it may take " + std::to_string(*share) +
                    "; a larger postgres.connectionBudget or sizing.priority gives it more.");
  }
  return lines;
}

std::vector<Condition> pressing(const Json& pool) {
  std::vector<Condition> found;
  for (const Condition& condition : conditions(pool)) {
    if (!is_good_when_true(condition.type) && condition.status == ConditionStatus::kTrue) found.push_back(condition);
  }
  return found;
}

struct TopRow {
  std::string namespace_name;
  std::string pool;
  Json database;
  std::int64_t used = -1;
  std::int64_t waiting = 0;
};

std::vector<TopRow> top_rows(const std::vector<Json>& pools) {
  std::vector<TopRow> rows;
  for (const Json& pool : pools) {
    for (const Json& database : list_at(pool, "/status/databases")) {
      rows.push_back({.namespace_name = text_at(pool, "/metadata/namespace"),
                      .pool = text_at(pool, "/metadata/name"),
                      .database = database,
                      .used = number_at(database, "/utilizationPercent").value_or(-1),
                      .waiting = number_at(database, "/waitingClients").value_or(0)});
    }
  }
  std::stable_sort(rows.begin(), rows.end(), [](const TopRow& a, const TopRow& b) {
    return a.waiting != b.waiting ? a.waiting > b.waiting : a.used > b.used;
  });
  return rows;
}

}  // namespace

std::string age_of(const std::string& time, WallTime now) {
  const auto then = parse_rfc3339(time);
  if (!then) return {};
  const auto seconds = std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::seconds>(now - *then).count());
  if (seconds > 20LL * 365 * 86400) return "-";  // the default of a status that nobody wrote yet
  if (seconds < 120) return std::to_string(seconds) + "s";
  if (seconds < 7200) return std::to_string(seconds / 60) + "m";
  if (seconds < 172'800) return std::to_string(seconds / 3600) + "h";
  return std::to_string(seconds / 86'400) + "d";
}

Json without_noise(Json object) {
  const Pointer annotations("/metadata/annotations");
  if (!object.contains("metadata") || !object.at("metadata").is_object()) return object;
  object["metadata"].erase("managedFields");
  if (object.contains(annotations) && object.at(annotations).is_object()) {
    object[annotations].erase("kubectl.kubernetes.io/last-applied-configuration");
    if (object.at(annotations).empty()) object["metadata"].erase("annotations");
  }
  return object;
}

std::string pools_text(const std::vector<Json>& pools, WallTime now, const Style& style) {
  std::vector<Row> rows;
  for (const Json& pool : pools) {
    const Condition ready = ready_of(pool);
    const auto used = number_at(pool, "/status/utilizationPercent");
    rows.push_back({text_at(pool, "/metadata/namespace"), text_at(pool, "/metadata/name"),
                    Cell(word_of(ready.status), tone_of(ready)), ready.reason,
                    or_default(text_at(pool, "/status/podsReady"), "-"), shown(number_at(pool, "/status/size")),
                    shown(number_at(pool, "/status/sizeMax")), Cell(shown(used), tone_of_utilization(used)),
                    age_of(text_at(pool, "/metadata/creationTimestamp"), now), text_at(pool, "/status/summary")});
  }
  return table({"NAMESPACE", "NAME", "READY", "REASON", "PODS", "SIZE", "MAX", "UTIL%", "AGE", "SUMMARY"}, rows, style);
}

std::string pool_text(const Json& pool, WallTime now, const Style& style) {
  const Condition ready = ready_of(pool);
  std::string text = toned(text_at(pool, "/metadata/name"), Tone::kBold, style) + " in namespace " +
                     text_at(pool, "/metadata/namespace") + ": " +
                     toned(ready.status == ConditionStatus::kTrue ? "ready" : "not ready (" + ready.reason + ")",
                           tone_of(ready), style) +
                     "\n";
  const auto line = [&](const char* name, const std::string& value) {
    if (!value.empty())
      text += "  " + std::string(name) + std::string(12 - std::string(name).size(), ' ') + value + "\n";
  };
  line("summary", text_at(pool, "/status/summary"));
  line("clients use", text_at(pool, "/status/endpoint"));
  const std::string port = std::to_string(number_at(pool, "/spec/postgres/port").value_or(5432));
  line("PostgreSQL", text_at(pool, "/spec/postgres/host") + ":" + port);
  line("PgBouncer", or_default(text_at(pool, "/spec/pgbouncer/version"), "1.26") + ", " +
                        or_default(text_at(pool, "/spec/pgbouncer/poolMode"), "Transaction") + ", sizing " +
                        or_default(text_at(pool, "/spec/sizing/mode"), "Auto"));
  if (const auto seen = number_at(pool, "/status/observedGeneration"), now_at = number_at(pool, "/metadata/generation");
      now_at && seen.value_or(0) < *now_at) {
    line("note", toned("the operator has not looked at the latest change yet", Tone::kWarning, style));
  }
  text += "\n" + conditions_table(pool, now, style) + "\n" + databases_table(pool, style);
  if (!list_at(pool, "/status/pods").empty()) text += "\n" + pods_table(pool, style);
  return text;
}

Json explain_json(const Json& pool, const std::string& database) {
  Json answer = Json::array();
  for (const Json& status : list_at(pool, "/status/databases")) {
    const std::string name = text_at(status, "/name");
    if (!database.empty() && name != database) continue;
    Json entry = {{"database", name}, {"size", status.value("size", Json())}, {"why", text_at(status, "/sizeReason")}};
    if (status.contains("recommendedSize")) entry["recommendedSize"] = status.at("recommendedSize");
    entry["whatWouldChangeIt"] = levers(pool, database_spec(pool, name), status);
    entry["conditions"] = Json::array();
    for (const Condition& condition : pressing(pool)) {
      entry["conditions"].push_back(
          {{"type", condition.type}, {"reason", condition.reason}, {"message", printable(condition.message)}});
    }
    answer.push_back(std::move(entry));
  }
  return answer;
}

std::string explain_text(const Json& pool, const std::string& database, const Style& style) {
  std::string text;
  const auto pods = number_at(pool, "/status/replicas").value_or(0);
  for (const Json& entry : explain_json(pool, database)) {
    text += toned(entry.at("database").get<std::string>(), Tone::kBold, style) + ": " +
            shown(number_at(entry, "/size")) + " server connections on " + std::to_string(pods) +
            (pods == 1 ? " pod" : " pods");
    if (const auto other = number_at(entry, "/recommendedSize"); other && *other != number_at(entry, "/size")) {
      text += ", recommended " + std::to_string(*other);
    }
    text += "\n  why: " + or_default(entry.at("why").get<std::string>(), "the operator has not said yet") + "\n";
    for (const Json& line : entry.at("whatWouldChangeIt")) text += "  " + line.get<std::string>() + "\n";
  }
  for (const Condition& condition : pressing(pool)) {
    text += toned(condition.type, Tone::kWarning, style) + " (" + condition.reason +
            "): " + printable(condition.message) + "\n";
  }
  return text;
}

Json top_json(const std::vector<Json>& pools) {
  Json answer = Json::array();
  for (const TopRow& row : top_rows(pools)) {
    Json entry = row.database;
    entry["namespace"] = row.namespace_name;
    entry["pool"] = row.pool;
    answer.push_back(std::move(entry));
  }
  return answer;
}

std::string top_text(const std::vector<Json>& pools, const Style& style) {
  std::vector<Row> rows;
  for (const TopRow& row : top_rows(pools)) {
    const auto used = number_at(row.database, "/utilizationPercent");
    rows.push_back(
        {row.namespace_name, row.pool, text_at(row.database, "/name"), Cell(shown(used), tone_of_utilization(used)),
         Cell(shown(number_at(row.database, "/waitingClients")), row.waiting > 0 ? Tone::kBad : Tone::kPlain),
         shown(number_at(row.database, "/size")), shown(number_at(row.database, "/recommendedSize")),
         text_at(row.database, "/sizeReason")});
  }
  return table({"NAMESPACE", "POOL", "DATABASE", "UTIL%", "WAITING", "SIZE", "WOULD BE", "WHY"}, rows, style);
}

}  // namespace poolwright::cli

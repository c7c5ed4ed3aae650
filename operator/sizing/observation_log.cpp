#include "sizing/observation_log.h"

#include <array>
#include <cstdio>

namespace poolwright::sizing {
namespace {

std::string number(double value) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.3f", value);
  return text.data();
}

/// Names come from outside: quoted where a CSV reader could stumble.
std::string cell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

}  // namespace

Result<std::vector<ReplayedPool>> Replay::feed(std::string_view line) {
  std::vector<ReplayedPool> pools;
  if (line.find_first_not_of(" \t\r") == std::string_view::npos) return pools;
  PW_ASSIGN_OR_RETURN(const ObservationRecord record, parse_json_line(line));
  if (!servers_.contains(record.server) && servers_.size() >= kServersMax) {
    return make_error(ErrorKind::kInvalid, "replay observations: more than 256 servers in one log");
  }
  if (record.begins) servers_.erase(record.server);
  ServerSizer& sizer = servers_.try_emplace(record.server, record.parameters).first->second;
  for (PoolDecision& decision : sizer.decide(record.input).pools) {
    pools.push_back({.time_s = record.input.time_s, .server = record.server, .decision = std::move(decision)});
  }
  return pools;
}

std::string replay_csv_header() { return "time,server,pool,busy,waiting,demand,size,decided,pods,reason"; }

std::string replay_csv_line(const ReplayedPool& pool) {
  const Explanation& numbers = pool.decision.why;
  return number(pool.time_s) + "," + cell(pool.server) + "," + cell(pool.decision.id) + "," + number(numbers.busy) +
         "," + std::to_string(numbers.waiting) + "," + number(numbers.load) + "," +
         std::to_string(numbers.size_before) + "," + std::to_string(pool.decision.size) + "," +
         std::to_string(numbers.pods) + "," + std::string(to_string(numbers.reason));
}

}  // namespace poolwright::sizing

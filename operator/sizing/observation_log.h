// Replays an observation log (lines of observation_json.h): what the sizing would have decided at each recorded moment.
// Open loop: the sizes in force are the recorded ones. Pure; whoever calls reads the file.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sizing/observation_json.h"
#include "sizing/server_sizer.h"

namespace poolwright::sizing {

/// One pool at one moment of a log.
struct ReplayedPool {
  double time_s = 0;
  std::string server;
  PoolDecision decision;
};

/// Takes a log line by line; each server of the log has its own sizer. Thread rule: one owner.
class Replay {
 public:
  static constexpr std::size_t kServersMax = 256;

  /// Empty lines are passed over. An error names what is wrong with the line; the caller knows its number.
  Result<std::vector<ReplayedPool>> feed(std::string_view line);

 private:
  std::map<std::string, ServerSizer> servers_;
};

/// "time,server,pool,busy,waiting,demand,size,decided,pods,reason" and one line a pool and moment.
std::string replay_csv_header();
std::string replay_csv_line(const ReplayedPool& pool);

}  // namespace poolwright::sizing

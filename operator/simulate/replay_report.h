// What the replay of an observation log found, one line a pool: the sizes that were in force, those that would have
// been decided, and why the last one. Memory does not grow with the length of the log. Thread rule: one owner.
#pragma once

#include <array>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "sizing/observation_log.h"

namespace poolwright::simulate {

class ReplayReport {
 public:
  void add(const std::vector<sizing::ReplayedPool>& moment);

  bool empty() const { return pools_.empty(); }
  /// Aligned columns with a head line, then one sentence a pool.
  std::string to_text() const;

 private:
  struct Pool {
    std::size_t moments = 0;
    double first_s = 0;
    double last_s = 0;
    double demand_sum = 0;
    double demand_max = 0;
    int waiting_max = 0;
    int size_min = 0;
    int size_max = 0;
    int decided_min = 0;
    int decided_max = 0;
    int changes = 0;     // moments at which another size than the one in force was decided
    std::string reason;  // of the last moment
    std::string why;
  };
  using Name = std::pair<std::string, std::string>;  // server, pool

  std::map<Name, Pool> pools_;
};

}  // namespace poolwright::simulate
